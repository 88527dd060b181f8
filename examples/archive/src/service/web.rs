//! What a service answers over HTTP: how it stands, its metrics, and deliveries.
//!
//! | | |
//! |---|---|
//! | `GET /status` | how it stands, as JSON |
//! | `GET /metrics` | what was counted, for Prometheus |
//! | `GET /healthz` | 200 while it runs |
//! | `POST /hook/STREAM/RESOURCE` | a delivery: 200 when it is durable, 401, 404, 413, 503 |

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::{Service, Undelivered};
use crate::fetch::webhook::{Delivery, MAX_DELIVERY, Undelivered as Refused};
use crate::resource::ResourceKey;

/// Answers until it is dropped.
pub async fn serve(service: Arc<Service>, listener: TcpListener) -> std::io::Result<()> {
    axum::serve(listener, router(service)).await
}

/// What is answered, for whoever has a server already.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/status", get(|State(service): State<Arc<Service>>| async move { Json(service.status()) }))
        .route("/healthz", get(|| async { "well\n" }))
        .route("/metrics", get(metrics))
        .route("/hook/{stream}/{resource}", post(hook))
        .layer(DefaultBodyLimit::max(MAX_DELIVERY))
        .with_state(service)
}

async fn metrics(State(service): State<Arc<Service>>) -> impl IntoResponse {
    ([("content-type", "text/plain; version=0.0.4")], service.metrics())
}

async fn hook(
    State(service): State<Arc<Service>>,
    Path((stream, resource)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = |status: StatusCode, code: &str, sentence: &str| {
        (status, Json(serde_json::json!({"code": code, "sentence": sentence}))).into_response()
    };
    let key = data_encoding::HEXLOWER.decode(resource.as_bytes()).ok();
    let key = key.as_deref().and_then(ResourceKey::from_bytes);
    let (Ok(stream), Some(key)) = (stream.parse(), key) else {
        return answer(StatusCode::NOT_FOUND, "nowhere", "nothing is delivered there");
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let delivery = Delivery {
        signature: header("x-hub-signature-256"),
        authorization: header("authorization"),
        id: header("x-github-delivery").or(header("x-delivery-id")),
        event: header("x-github-event").or(header("x-event")),
        body: &body,
    };
    match service.deliver(stream, key, delivery).await {
        Ok(new) => (StatusCode::OK, Json(serde_json::json!({"code": "kept", "new": new}))).into_response(),
        Err(Undelivered::Nowhere) => answer(StatusCode::NOT_FOUND, "nowhere", "nothing is delivered there"),
        Err(Undelivered::Refused(refused)) => {
            let status = match refused {
                Refused::Unauthorized => StatusCode::UNAUTHORIZED,
                Refused::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Refused::Empty => StatusCode::BAD_REQUEST,
            };
            answer(status, refused.code(), &refused.to_string())
        }
        Err(error @ Undelivered::NotKept(_)) => {
            tracing::error!("a delivery was not kept: {error}");
            answer(StatusCode::SERVICE_UNAVAILABLE, "not-kept", &error.to_string())
        }
    }
}
