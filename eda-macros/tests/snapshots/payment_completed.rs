#[automatically_derived]
impl ::eda::Event for PaymentCompleted
where
    PaymentCompleted: ::eda::json::Json,
{
    const NAME: &'static str = "payment.completed";
    fn partition_key(&self) -> ::eda::event::OptionalKey<'_> {
        ::eda::event::partition_key(&self.order_id)
    }
    fn encode(&self) -> ::eda::event::Encoded {
        ::eda::json::encode(self)
    }
    fn decode(body: &[u8]) -> ::eda::event::Decoded<Self> {
        ::eda::json::decode(body)
    }
    fn schema() -> ::eda::event::Schema {
        use ::eda::event::NoSchema as _;
        ::eda::event::SchemaOf::<Self>::schema()
    }
}
