//! Calls to nodes through Spin's outbound HTTP.

use drain::{Clock as _, NODE_ANSWER_BYTES_MAX, NodeClient, NodeRequest, NodeResponse, SendError};
use futures::future::{Either, join, select};
use futures::{SinkExt as _, StreamExt as _};
use http::header::CONTENT_LENGTH;
use spin_sdk::http::conversions::TryIntoOutgoingRequest as _;
use spin_sdk::http::{ErrorCode, IncomingResponse, SendError as SdkError, send};

use crate::clock::SpinClock;

#[derive(Clone, Copy, Debug)]
pub struct SpinClient;

impl NodeClient for SpinClient {
    async fn send(&self, request: NodeRequest, timeout_ms: u64) -> Result<NodeResponse, SendError> {
        let call = std::pin::pin!(call(request));
        let timeout = std::pin::pin!(SpinClock.sleep(timeout_ms));
        match select(call, timeout).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(SendError::TimedOut),
        }
    }
}

async fn call(request: NodeRequest) -> Result<NodeResponse, SendError> {
    let NodeRequest { method, url, headers, body } = request;
    let mut builder = http::Request::builder().method(method.as_str()).uri(url);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    if !body.is_empty() {
        builder = builder.header(CONTENT_LENGTH, body.len());
    }
    let request = builder
        .body(())
        .map_err(|error| SendError::NotSent(error.to_string()))?
        .try_into_outgoing_request();
    let (request, _) = request.map_err(|error| SendError::NotSent(error.to_string()))?;

    // Body and answer side by side: when the connection fails, writing fails as well, and only
    // the answer tells why.
    let mut sink = request.take_body();
    let write = async move {
        if !body.is_empty() {
            let _ = sink.send(body).await;
        }
    };
    let (_, response) = join(write, send::<_, IncomingResponse>(request)).await;
    let response = response.map_err(send_error)?;
    let status = response.status();
    let body = read(&response).await?;
    Ok(NodeResponse { status, body })
}

/// The answer's body, up to the limit.
async fn read(response: &IncomingResponse) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::new();
    let mut chunks = std::pin::pin!(response.take_body_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| SendError::Lost("the answer broke off".to_owned()))?;
        body.extend_from_slice(&chunk);
        if body.len() >= NODE_ANSWER_BYTES_MAX {
            body.truncate(NODE_ANSWER_BYTES_MAX);
            break;
        }
    }
    Ok(body)
}

fn send_error(error: SdkError) -> SendError {
    match error {
        SdkError::Http(code) => error_code(code),
        SdkError::RequestConversion(reason) => SendError::NotSent(reason.to_string()),
        SdkError::ResponseConversion(reason) => SendError::Lost(reason.to_string()),
        SdkError::Io(_) => SendError::Lost("the connection broke".to_owned()),
    }
}

/// Only what is certain not to have reached the node counts as not sent.
fn error_code(code: ErrorCode) -> SendError {
    let not_sent = |reason: &str| SendError::NotSent(reason.to_owned());
    match code {
        ErrorCode::ConnectionRefused => not_sent("connection refused"),
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => not_sent("its name cannot be resolved"),
        ErrorCode::DestinationNotFound => not_sent("no such host"),
        ErrorCode::DestinationIpProhibited | ErrorCode::DestinationIpUnroutable => {
            not_sent("its address cannot be reached from here")
        }
        ErrorCode::HttpRequestDenied => {
            not_sent("the manifest does not allow this node: see the setting node_hosts")
        }
        ErrorCode::HttpRequestUriInvalid => not_sent("its URL is not valid"),
        ErrorCode::TlsCertificateError => not_sent("its TLS certificate is not valid"),
        ErrorCode::ConnectionTimeout => not_sent("no connection within the host's time-out"),
        other => SendError::Lost(format!("connection lost: {other}")),
    }
}
