#[doc(hidden)]
#[allow(non_camel_case_types, reason = "named like its function")]
pub struct charge {}
impl ::eda::Handler for charge
where
    OrderCreated: ::eda::Incoming,
    State<Cards>: ::eda::Extractor,
    PaymentCompleted: ::eda::Emit,
    CardError: ::eda::HandlerError,
{
    type Event = OrderCreated;
    type Extract = (State<Cards>,);
    type Output = Result<PaymentCompleted, CardError>;
    const META: ::eda::HandlerMeta = ::eda::HandlerMeta::new("charge")
        .retries(5)
        .backoff(::eda::Backoff::millis(200, 30_000));
    async fn call(order: Self::Event, (cards,): Self::Extract) -> Self::Output {
        charge(order, cards).await
    }
}
