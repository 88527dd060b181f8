//! The contracts of the rim as tests that every adapter runs, and a store and an archiver that fail on purpose.
//!
//! An adapter's test gives a way to make an empty store, and calls [`store::conforms`]; or the two ends of a link, and
//! calls [`transport::conforms`]; or an archiver, and calls [`archiver::conforms`].

pub mod archiver;

pub mod faulty;

pub mod fixtures;

pub mod flaky;

pub mod store;

pub mod transport;

/// Runs two futures side by side.
pub(crate) async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    std::future::poll_fn(|context| {
        if of_a.is_none()
            && let std::task::Poll::Ready(answer) = a.as_mut().poll(context)
        {
            of_a = Some(answer);
        }
        if of_b.is_none()
            && let std::task::Poll::Ready(answer) = b.as_mut().poll(context)
        {
            of_b = Some(answer);
        }
        if of_a.is_some() && of_b.is_some() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    (of_a.expect("it is done"), of_b.expect("it is done"))
}
