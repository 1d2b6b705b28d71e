#[automatically_derived]
impl ::eda::Event for OrderShipped
where
    OrderShipped: ::eda::json::Json,
{
    const NAME: &'static str = "order.shipped";
    const DOC: &'static str = "A parcel has left the house.";
    const VERSION: u32 = 2;
    const BINDING: &'static str = "order.*.shipped";
    const ACCEPT: &'static [&'static str] = &["OrderShipped"];
    fn routing_key(&self) -> ::eda::event::Key<'_> {
        ::eda::event::routing_key(&["order.", ".shipped"], &[&self.region])
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
