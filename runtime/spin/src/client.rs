//! Calls to nodes through WASI's outbound HTTP.
//!
//! Most of what a call costs is crossings between component and host, so this goes to the
//! interface itself: a small body is handed over before the request is sent (the host then sends
//! head and body as one), and an answer is asked for once the host says that it is there.

use std::future::poll_fn;
use std::task::Poll;

use clock::Clock as _;
use drain::{NodeClient, NodeRequest, NodeResponse, SendError};
use futures::future::{Either, join, select};
use http::header::CONTENT_LENGTH;
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, Scheme,
};
use wasi::io::poll::Pollable;
use wasi::io::streams::{InputStream, OutputStream, StreamError};

use crate::clock::SpinClock;

/// How much of an answer is asked for at once, in bytes.
const READ_BYTES: u64 = 16 * 1024;

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

async fn call(mut request: NodeRequest) -> Result<NodeResponse, SendError> {
    let outgoing = outgoing(&mut request).map_err(|part| {
        // The URL may hold a token, and this goes into histories and logs.
        SendError::Denied(format!("its {part} is not valid"))
    })?;
    let body = Body::begin(&outgoing, std::mem::take(&mut request.body))?;
    let answer = outgoing_handler::handle(outgoing, None).map_err(error_code)?;
    let response = match body {
        // Body and answer side by side: when the connection fails, writing fails as well, and
        // only the answer tells why.
        Some(body) => join(body.write(), received(&answer)).await.1?,
        None => received(&answer).await?,
    };
    drop(answer);
    let status = response.status();
    let (names, body_bytes_max) = request.wanted(status);
    let headers = headers(&response, &names);
    let (body, body_is_whole) = read(&response, body_bytes_max).await?;
    Ok(NodeResponse { status, headers, body, body_is_whole })
}

/// Those of the answer's headers that are wanted. A value that is no text is left out.
fn headers(response: &IncomingResponse, names: &[&str]) -> Vec<(String, String)> {
    if names.is_empty() {
        return Vec::new();
    }
    let fields = response.headers();
    let values = |name: &&str| {
        let name = (*name).to_owned();
        let values = fields.get(&name).into_iter().flat_map(String::from_utf8);
        values.map(move |value| (name.clone(), value)).collect::<Vec<_>>()
    };
    names.iter().flat_map(values).collect()
}

/// The request without its body, with the headers taken out of `request`; the part that is not
/// valid when there is one.
fn outgoing(request: &mut NodeRequest) -> Result<OutgoingRequest, &'static str> {
    let headers = std::mem::take(&mut request.headers).into_iter();
    let mut headers: Vec<_> = headers.map(|(name, value)| (name, value.into_bytes())).collect();
    if !request.body.is_empty() {
        let length = request.body.len().to_string().into_bytes();
        headers.push((CONTENT_LENGTH.as_str().to_owned(), length));
    }
    let headers = Fields::from_list(&headers).map_err(|_| "header")?;
    let outgoing = OutgoingRequest::new(headers);
    let method = match request.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    };
    // A request is a GET unless told otherwise.
    if !matches!(method, Method::Get) {
        outgoing.set_method(&method).map_err(|()| "method")?;
    }
    let url = &request.url;
    let scheme = match url.scheme() {
        http_url::Scheme::Http => Scheme::Http,
        http_url::Scheme::Https => Scheme::Https,
    };
    outgoing.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    outgoing.set_authority(Some(url.authority())).map_err(|()| "address")?;
    outgoing.set_path_with_query(Some(url.path_with_query())).map_err(|()| "path")?;
    Ok(outgoing)
}

/// A body that the host did not take whole before the request was sent.
struct Body {
    stream: OutputStream,
    body: OutgoingBody,
    rest: Vec<u8>,
}

impl Body {
    /// Hands over as much of `bytes` as the host takes now, which is all of most bodies.
    fn begin(request: &OutgoingRequest, bytes: Vec<u8>) -> Result<Option<Self>, SendError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let refused = || SendError::Denied("the host takes no body".to_owned());
        let body = request.body().map_err(|()| refused())?;
        let stream = body.write().map_err(|()| refused())?;
        let mut begun = Self { stream, body, rest: bytes };
        begun.push().map_err(|_| refused())?;
        if begun.rest.is_empty() {
            begun.finish();
            return Ok(None);
        }
        Ok(Some(begun))
    }

    /// Writes what the host takes now.
    fn push(&mut self) -> Result<(), StreamError> {
        let taken = usize::try_from(self.stream.check_write()?).unwrap_or(usize::MAX);
        let later = self.rest.split_off(taken.min(self.rest.len()));
        let now = std::mem::replace(&mut self.rest, later);
        if now.is_empty() { Ok(()) } else { self.stream.write(&now) }
    }

    /// Writes the rest as the host takes it.
    async fn write(mut self) {
        while !self.rest.is_empty() {
            ready(self.stream.subscribe()).await;
            if self.push().is_err() {
                return;
            }
        }
        self.finish();
    }

    fn finish(self) {
        drop(self.stream);
        // What is wrong with it shows in the answer.
        let _ = OutgoingBody::finish(self.body, None);
    }
}

async fn received(answer: &FutureIncomingResponse) -> Result<IncomingResponse, SendError> {
    loop {
        // Never there at once, so it is not asked for before the host says so.
        ready(answer.subscribe()).await;
        match answer.get() {
            None => {}
            Some(Ok(response)) => return response.map_err(error_code),
            Some(Err(())) => return Err(SendError::Lost("the answer was taken".to_owned())),
        }
    }
}

/// The answer's body up to `bytes_max`, and whether that is all of it.
async fn read(response: &IncomingResponse, bytes_max: usize) -> Result<(Vec<u8>, bool), SendError> {
    if bytes_max == 0 {
        return Ok((Vec::new(), false));
    }
    let broken = || SendError::Lost("the answer broke off".to_owned());
    let incoming = response.consume().map_err(|()| broken())?;
    let stream: InputStream = incoming.stream().map_err(|()| broken())?;
    let mut body = Vec::new();
    loop {
        match stream.read(READ_BYTES) {
            Ok(chunk) if chunk.is_empty() => ready(stream.subscribe()).await,
            Ok(chunk) if body.is_empty() => body = chunk,
            Ok(chunk) => body.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok((body, true)),
            Err(StreamError::LastOperationFailed(_)) => return Err(broken()),
        }
        if body.len() > bytes_max {
            body.truncate(bytes_max);
            return Ok((body, false));
        }
    }
}

/// Ends when the host wakes the task for `pollable`, or for anything else.
async fn ready(pollable: Pollable) {
    let mut pollable = Some(pollable);
    let mut registered: Option<CancelOnDropToken> = None;
    poll_fn(|context| match pollable.take() {
        Some(pollable) => {
            registered = Some(push_waker_and_get_token(pollable, context.waker().clone()).into());
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}

/// Only what is certain not to have reached the node counts as not sent.
fn error_code(code: ErrorCode) -> SendError {
    let not_sent = |reason: &str| SendError::NotSent(reason.to_owned());
    let denied = |reason: &str| SendError::Denied(reason.to_owned());
    match code {
        ErrorCode::ConnectionRefused => not_sent("connection refused"),
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => not_sent("its name cannot be resolved"),
        ErrorCode::DestinationNotFound => not_sent("no such host"),
        ErrorCode::DestinationIpUnroutable => not_sent("its address cannot be reached from here"),
        ErrorCode::DestinationIpProhibited => denied("the host prohibits its address"),
        ErrorCode::HttpRequestDenied => denied(
            "the manifest does not allow its address: see the settings node_hosts and \
             callback_hosts",
        ),
        ErrorCode::HttpRequestUriInvalid => denied("its URL is not valid"),
        ErrorCode::ConnectionLimitReached => denied("the host allows no more connections"),
        ErrorCode::TlsCertificateError => not_sent("its TLS certificate is not valid"),
        ErrorCode::ConnectionTimeout => not_sent("no connection within the host's time-out"),
        other => {
            let reason = other.to_string();
            // What the host says in words of its own may repeat the URL, and with it a token.
            let reason = if reason.contains("://") { "an error of the host" } else { &reason };
            SendError::Lost(format!("connection lost: {reason}"))
        }
    }
}
