//! Reserves a seat for every ticket that is sold.

use eda::prelude::*;

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "ticket.sold")]
pub struct TicketSold {
    pub ticket_id: u64,
    pub price: u64,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "seat.reserved")]
pub struct SeatReserved {
    pub ticket_id: u64,
    pub seat: String,
}

#[handler]
pub async fn reserve(ticket: TicketSold) -> SeatReserved {
    SeatReserved { ticket_id: ticket.ticket_id, seat: format!("row 7, seat {}", ticket.ticket_id % 40) }
}

#[tokio::main]
async fn main() -> eda::Result {
    let broker = eda::connect("amqp://localhost").await?;
    Service::new("hall").handler::<reserve>().run(&broker).await
}
