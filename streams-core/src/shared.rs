//! What may be shared between threads, where there are any: in the browser there are none, and what belongs to the
//! browser belongs to one thread.

/// What the rim is made of: shared between threads where there are any.
#[cfg(not(target_family = "wasm"))]
pub trait Shared: Send + Sync {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send + Sync + ?Sized> Shared for T {}

/// What the rim is made of: shared between threads where there are any.
#[cfg(target_family = "wasm")]
pub trait Shared {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> Shared for T {}
