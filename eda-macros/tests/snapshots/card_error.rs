#[automatically_derived]
impl ::eda::HandlerError for CardError
where
    CardError: ::eda::failure::Cause,
{
    fn into_failure(self) -> ::eda::Failure {
        match self {
            Self::Declined { .. } | Self::Expired { .. } => {
                ::eda::Failure::permanent(self)
            }
            Self::Unreachable { .. } => ::eda::Failure::transient(self),
        }
    }
}
