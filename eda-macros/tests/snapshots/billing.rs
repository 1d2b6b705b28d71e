#[automatically_derived]
impl ::eda::FromRef<Billing> for Cards
where
    Cards: ::eda::extract::Part,
{
    fn from_ref(state: &Billing) -> Self {
        ::eda::extract::part(&state.cards)
    }
}
#[automatically_derived]
impl ::eda::FromRef<Billing> for u64
where
    u64: ::eda::extract::Part,
{
    fn from_ref(state: &Billing) -> Self {
        ::eda::extract::part(&state.limit)
    }
}
