//! What a store is asked for, where that decides whose turn it is.
//!
//! A store may have limits on how much is asked of it at once. Who holds a place there, because a body is under way, and
//! wants a second one must not wait for those who do the same: so it says that the second is [aside](aside) the first, and
//! the store keeps places for that. Said by the one who waits, for all that is done in its future; whoever says nothing
//! holds nothing.

/// For what the store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For what a client wants.
    Main,
    /// The same, by somebody who has a body under way.
    Aside,
    /// To find out whether the store is there: however much is asked by others.
    Health,
}

tokio::task_local! {
    static PURPOSE: Purpose;
}

/// Does what is asked of a store by somebody who has a body under way already, from the store or to it.
pub(crate) async fn aside<T>(asking: impl Future<Output = T>) -> T {
    PURPOSE.scope(Purpose::Aside, asking).await
}

/// Asks a store how it is.
pub(crate) async fn for_health<T>(asking: impl Future<Output = T>) -> T {
    PURPOSE.scope(Purpose::Health, asking).await
}

/// For what the store is asked here.
pub(crate) fn purpose() -> Purpose {
    PURPOSE.try_with(|purpose| *purpose).unwrap_or(Purpose::Main)
}
