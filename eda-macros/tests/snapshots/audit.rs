#[doc(hidden)]
#[allow(non_camel_case_types, reason = "named like its function")]
pub(crate) struct audit<
    const __SIGNATURE: bool = {
        let _ = <AnyEvent as ::eda::Incoming>::decode;
        let _ = <Meta as ::eda::Extractor>::emits;
        true
    },
> {}
impl ::eda::Handler for audit {
    type Event = AnyEvent;
    type Extract = (Meta,);
    type Output = ();
    const META: ::eda::HandlerMeta = ::eda::HandlerMeta::new("audit")
        .pattern("order.#")
        .prefetch(32);
    async fn call(event: Self::Event, (part1,): Self::Extract) -> Self::Output {
        audit(event, part1).await;
    }
}
