//! Takes what the box office has put into its queue for years.

use eda::prelude::*;

/// The box office calls it `TicketSold`.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "box-office.sold", accept = "TicketSold")]
pub struct Sold {
    pub number: u64,
    pub euros: u32,
}

/// And this one `TicketReturned`.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "box-office.returned", accept = "TicketReturned")]
pub struct Returned {
    pub number: u64,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "ticket.sold")]
pub struct TicketSold {
    pub ticket_id: u64,
    pub price: u64,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "ticket.returned")]
pub struct TicketReturned {
    pub ticket_id: u64,
}

#[handler(queue = "ticket_events", declare = false, discriminator = "event_type")]
pub async fn sold(ticket: Sold) -> TicketSold {
    TicketSold { ticket_id: ticket.number, price: u64::from(ticket.euros) * 100 }
}

#[handler(queue = "ticket_events", declare = false, discriminator = "event_type")]
pub async fn returned(ticket: Returned) -> TicketReturned {
    TicketReturned { ticket_id: ticket.number }
}

#[tokio::main]
async fn main() -> eda::Result {
    let broker = eda::connect("amqp://localhost").await?;
    Service::new("box-office").handler::<sold>().handler::<returned>().run(&broker).await
}
