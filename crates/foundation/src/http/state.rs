//! The state of a router.

/// Declares the state of a router, and the slices of it that handlers take.
///
/// A request copies the state several times. So the slices are behind one pointer, and a handler
/// copies the one that it names.
#[macro_export]
macro_rules! router_state {
    (
        $(#[$about:meta])*
        pub struct $State:ident of $Slices:ident { $($slice:ident: $Type:ty),* $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $State(::std::sync::Arc<$Slices>);

        /// The slices that handlers take.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each member is documented by its type")]
        pub struct $Slices {
            $(pub $slice: $Type,)*
        }

        impl $State {
            /// Shares the slices.
            #[must_use]
            pub fn new(slices: $Slices) -> Self {
                Self(::std::sync::Arc::new(slices))
            }
        }

        $(impl ::axum::extract::FromRef<$State> for $Type {
            fn from_ref(state: &$State) -> Self {
                state.0.$slice.clone()
            }
        })*
    };
}
