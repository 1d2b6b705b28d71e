#[doc(hidden)]
#[allow(non_camel_case_types, reason = "named like its function")]
struct from_script<
    const __SIGNATURE: bool = {
        let _ = <OrderCreated as ::eda::Incoming>::decode;
        true
    },
> {}
impl ::eda::Handler for from_script {
    type Event = OrderCreated;
    type Extract = ();
    type Output = ();
    const META: ::eda::HandlerMeta = ::eda::HandlerMeta::new("script")
        .queue("order_events")
        .declare(false)
        .discriminator("event_type")
        .timeout_millis(30_000)
        .concurrency(1);
    async fn call(order: Self::Event, (): Self::Extract) -> Self::Output {
        from_script(order).await;
    }
}
