//! The contracts of the rim, as the core tests them, for stores and links of JavaScript.

use std::sync::Arc;

use js_sys::Promise;
use streams_core::store::Store;
use streams_core::transport::Transport;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::host::Host;
use crate::store::HostStore;
use crate::transport::HostTransport;

#[wasm_bindgen]
extern "C" {
    /// Makes an empty store each time, or both ends of a link.
    pub type Maker;

    #[wasm_bindgen(method)]
    fn make(this: &Maker) -> Promise;

    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn print(message: &str);
}

/// Prints what was found, since a panic ends the instance.
fn print_panics() {
    std::panic::set_hook(Box::new(|panic| print(&panic.to_string())));
}

async fn made(maker: &Maker) -> JsValue {
    JsFuture::from(maker.make()).await.expect("something is made")
}

/// Runs the contract of a store.
#[wasm_bindgen(js_name = storeConforms)]
pub async fn store_conforms(maker: Maker) {
    print_panics();
    let make = async || {
        let store: Arc<dyn Store> = Arc::new(HostStore(made(&maker).await.unchecked_into::<Host>()));
        store
    };
    streams_core::conformance::store::conforms(make).await;
}

/// Runs the contract of a link.
#[wasm_bindgen(js_name = transportConforms)]
pub async fn transport_conforms(maker: Maker) {
    print_panics();
    let number = std::cell::Cell::new(0_u8);
    let make = async || {
        number.set(number.get() + 1);
        let channel = [number.get()];
        let ends: js_sys::Array = made(&maker).await.unchecked_into();
        let end = |at| -> Arc<dyn Transport> {
            Arc::new(HostTransport::new(ends.get(at).unchecked_into::<Host>(), channel.to_vec()))
        };
        (end(0), end(1))
    };
    streams_core::conformance::transport::conforms(make).await;
}
