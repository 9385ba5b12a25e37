//! Requests in and responses out through Spin's HTTP trigger.

use drain::{Level, Log as _};
use futures::{SinkExt as _, StreamExt as _};
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::{Request, StatusCode};
use routes::{BODY_BYTES_MAX, Body, Incoming, LogLine, Problem, Reply};
use spin_sdk::http::{Fields, IncomingRequest, OutgoingResponse, ResponseOutparam};
use wasi::clocks::monotonic_clock;

use crate::log::JsonLog;
use crate::settings::Variables;

const X_PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");

/// How much of a body that is too large is read before the answer.
const DROPPED_BYTES_MAX: usize = 16 << 20;

/// Up to this size a body is handed over before the response is, so that the host sends both as one.
/// A larger one might wait for a reader that only comes with the response.
const AT_ONCE_BYTES_MAX: usize = 16 * 1024;

/// Reads the request, lets `handle` answer it, and sends the response with the time it took.
/// `component` is who logs what is to be logged of it.
pub async fn serve(
    request: IncomingRequest,
    out: ResponseOutparam,
    component: &'static str,
    handle: impl AsyncFnOnce(Incoming) -> Reply,
) {
    let started = monotonic_clock::now();
    let mut response = match head(&request) {
        Ok(head) => {
            let (body, unread) = match body(&head, request).await {
                Ok(body) => (body, None),
                Err(problem) => (Vec::new(), Some(problem)),
            };
            handle(Incoming { request: head.map(|()| body), unread }).await
        }
        Err(problem) => problem.into_reply(),
    };
    // Of most requests there is nothing to log, and asking for settings is not free.
    let log = || JsonLog::new(component, &Variables::read());
    if let Some(LogLine { level, event, fields }) = response.extensions().get::<LogLine>() {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        log().write(*level, event, &fields);
    }
    let elapsed = monotonic_clock::now().saturating_sub(started);
    if let Ok(value) = HeaderValue::from_str(&seconds(elapsed)) {
        response.headers_mut().insert(X_PROCESS_TIME, value);
    }
    if let Err(reason) = send(response, out).await {
        log().write(Level::Error, "response not sent", &[("reason", reason)]);
    }
}

/// Nanoseconds as seconds with four places, for example `0.0123 sec`.
fn seconds(nanoseconds: u64) -> String {
    let ten_thousandths = nanoseconds / 100_000;
    format!("{}.{:04} sec", ten_thousandths / 10_000, ten_thousandths % 10_000)
}

/// All of the request but its body.
fn head(request: &IncomingRequest) -> Result<Request<()>, Problem> {
    let method: http::Method = request.method().into();
    let uri = request.path_with_query().unwrap_or_else(|| "/".to_owned());
    let unreadable = |error: http::Error| Problem::bad_request(&error.to_string());
    let head = Request::builder().method(method).uri(uri).body(());
    let mut head = head.map_err(unreadable)?;
    // The host's own, of which there are more than clients send, are of no use here.
    let headers = request.headers().entries();
    for (name, value) in headers.into_iter().filter(|(name, _)| !name.starts_with("spin-")) {
        let name = HeaderName::try_from(name).map_err(|error| unreadable(error.into()))?;
        let value = HeaderValue::try_from(value).map_err(|error| unreadable(error.into()))?;
        head.headers_mut().append(name, value);
    }
    // The host shows this one apart from the others.
    if let Some(host) = request.authority().and_then(|host| HeaderValue::try_from(host).ok()) {
        head.headers_mut().insert(HOST, host);
    }
    Ok(head)
}

/// The request's body. One that is too large is read all the same and dropped, as far as
/// [`DROPPED_BYTES_MAX`]: a client that sends it all before it looks for the answer would find the
/// connection reset, and no answer.
async fn body(head: &Request<()>, request: IncomingRequest) -> Result<Vec<u8>, Problem> {
    let announced = head.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut body = Vec::new();
    // No route reads the body of these, and asking for one that is not there is not free.
    let has_none = matches!(*head.method(), http::Method::GET | http::Method::HEAD);
    if announced.unwrap_or_default() == 0 && (has_none || announced.is_some()) {
        return Ok(body);
    }
    let mut read = 0_usize;
    let mut chunks = std::pin::pin!(request.into_body_stream());
    // What was announced is whole without waiting for the end of the stream.
    while announced != Some(read)
        && let Some(chunk) = chunks.next().await
    {
        let chunk = chunk.map_err(|_| Problem::bad_request("its body broke off"))?;
        read = read.saturating_add(chunk.len());
        if read <= BODY_BYTES_MAX {
            body.extend_from_slice(&chunk);
        } else if read > DROPPED_BYTES_MAX {
            break;
        }
    }
    if read > BODY_BYTES_MAX { Err(Problem::body_too_large()) } else { Ok(body) }
}

async fn send(reply: Reply, out: ResponseOutparam) -> Result<(), &'static str> {
    let (mut parts, body) = reply.into_parts();
    if let Body::Whole(bytes) = &body
        && parts.status != StatusCode::NO_CONTENT
    {
        parts.headers.insert(CONTENT_LENGTH, bytes.len().into());
    }
    let headers: Vec<(String, Vec<u8>)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let headers = Fields::from_list(&headers).map_err(|_| "a header is not valid")?;
    let response = OutgoingResponse::new(headers);
    response.set_status_code(parts.status.as_u16()).map_err(|()| "the status is not valid")?;
    let mut sink = response.take_body();
    // The client may be gone by now, and then nobody misses the rest.
    match body {
        Body::Whole(bytes) if bytes.len() <= AT_ONCE_BYTES_MAX => {
            let _ = sink.send(bytes).await;
            drop(sink);
            out.set(response);
        }
        Body::Whole(bytes) => {
            out.set(response);
            let _ = sink.send(bytes).await;
        }
        Body::Stream(mut chunks) => {
            out.set(response);
            while let Some(chunk) = chunks.next().await {
                if sink.send(chunk).await.is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}
