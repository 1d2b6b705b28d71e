#[doc(hidden)]
#[allow(non_camel_case_types, reason = "named like its function")]
pub struct charge<
    const __SIGNATURE: bool = {
        let _ = <OrderCreated as ::eda::Incoming>::decode;
        let _ = <State<Cards> as ::eda::Extractor>::emits;
        let _ = <PaymentCompleted as ::eda::Emit>::emits;
        let _ = <CardError as ::eda::HandlerError>::into_failure;
        true
    },
> {}
impl ::eda::Handler for charge {
    type Event = OrderCreated;
    type Extract = (State<Cards>,);
    type Output = Result<PaymentCompleted, CardError>;
    const META: ::eda::HandlerMeta = ::eda::HandlerMeta::new("charge")
        .doc("Charges the card once per order.")
        .retries(5)
        .backoff(::eda::Backoff::millis(200, 30_000));
    async fn call(order: Self::Event, (cards,): Self::Extract) -> Self::Output {
        charge(order, cards).await
    }
}
