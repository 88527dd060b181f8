//! What JavaScript does for the core: a function that is called with bytes, and answers with bytes, later.

use std::pin::Pin;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::error::Outcome;

#[wasm_bindgen]
extern "C" {
    /// A store, a link or a clock, behind the face. What it answers begins with a zero, or is the number of a failure.
    pub type Host;

    #[wasm_bindgen(method)]
    pub(crate) fn call(this: &Host, what: &str, arguments: &[u8]) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn tell(this: &Host, event: &[u8]);

    /// The link that was opened last.
    #[wasm_bindgen(method)]
    pub(crate) fn link(this: &Host) -> Host;

    /// The state behind an object.
    #[wasm_bindgen(method)]
    pub(crate) fn apply(this: &Host, state: JsValue, object: &[u8]) -> JsValue;
}

impl Host {
    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, what: &str, arguments: &[u8]) -> Vec<u8> {
        answer(self.call(what, arguments)).await
    }
}

/// Promises what a future comes to. All are driven as one type, so what drives them is compiled once.
pub(crate) fn promise<T: Into<JsValue>>(future: impl Future<Output = Outcome<T>> + 'static) -> Promise {
    let future: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(async { Ok(future.await?.into()) });
    future_to_promise(future)
}

/// The same, of bytes.
pub(crate) fn promise_bytes(future: impl Future<Output = Outcome<Vec<u8>>> + 'static) -> Promise {
    promise(async { Ok(Uint8Array::from(&future.await?[..])) })
}

/// The answer that was promised. The face never rejects.
pub(crate) async fn answer(promise: Promise) -> Vec<u8> {
    bytes(&JsFuture::from(promise).await.unwrap_or_else(|error| error))
}

fn bytes(value: &JsValue) -> Vec<u8> {
    Uint8Array::new(value).to_vec()
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}
