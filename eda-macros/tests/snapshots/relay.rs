#[doc(hidden)]
#[allow(non_camel_case_types, reason = "named like its function")]
struct relay<
    T,
    const __SIGNATURE: bool = {
        let _ = <OrderCreated as ::eda::publisher::EventList>::list;
        true
    },
> {
    __types: fn(T),
}
impl<T> ::eda::Handler for relay<T>
where
    T: Event,
    T: ::eda::Incoming,
    T: ::eda::publisher::EventList,
    Option<T>: ::eda::Outcome,
{
    type Event = T;
    type Extract = (Publisher<(T, OrderCreated)>,);
    type Output = Option<T>;
    const META: ::eda::HandlerMeta = ::eda::HandlerMeta::new("relay");
    async fn call(event: Self::Event, (progress,): Self::Extract) -> Self::Output {
        relay::<T>(event, progress).await
    }
}
