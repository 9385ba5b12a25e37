//! HTTP requests that components make: checked, sent over pooled connections, with Spin's errors.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::instance::Settings;

/// Spin's default for connecting, the first byte and between bytes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// What a request hands back: the response, and a future that only some implementations need.
type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// The connections to other hosts, kept for the next request.
#[derive(Clone, Debug)]
pub(crate) struct Client(legacy::Client<Connector, WasiBody>);

impl Client {
    /// A client without connections.
    pub(crate) fn new() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build(Connector))
    }
}

/// The requests of one instance.
#[derive(Debug)]
pub(crate) struct OutboundHttp {
    settings: Arc<Settings>,
}

impl OutboundHttp {
    /// Sends as the component may.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }
}

impl WasiHttpHooks for OutboundHttp {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let settings = Arc::clone(&self.settings);
        let options = options.unwrap_or_default();
        Box::new(async move {
            if !settings.may_call(&request.uri().to_string(), "https") {
                return Err(Error::HttpRequestDenied);
            }
            if request.uri().scheme() == Some(&Scheme::HTTPS) {
                let (response, connection) =
                    wasmtime_wasi_http::default_send_request(request, Some(options)).await?;
                return Ok((response.map(|body| body.boxed_unsync()), Box::new(connection) as _));
            }
            let response = send(&settings.client, request, options).await?;
            Ok((response, Box::new(async { Ok(()) }) as _))
        })
    }
}

async fn send(
    client: &Client,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    // The client makes the header from the URL.
    request.headers_mut().remove(header::HOST);
    let connecting = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let between_bytes = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let response = CONNECT_TIMEOUT.scope(connecting, client.0.request(request));
    let response = timeout(first_byte, response)
        .await
        .map_err(|_| Error::ConnectionReadTimeout)?
        .map_err(request_error)?;
    Ok(response.map(|body| TimedBody { body, limit: between_bytes, waiting: None }.boxed_unsync()))
}

/// As Spin tells components: what happened before a connection stood is told apart, the rest
/// is one and the same protocol error.
fn request_error(error: legacy::Error) -> Error {
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref());
    match cause {
        Some(ConnectError::Refused) => Error::ConnectionRefused,
        Some(ConnectError::TimedOut) => Error::ConnectionTimeout,
        Some(ConnectError::BadUrl) => Error::HttpRequestUriInvalid,
        Some(ConnectError::UnknownHost) => {
            Error::DnsError { rcode: Some("address not available".to_owned()), info_code: Some(0) }
        }
        None => Error::HttpProtocolError,
    }
}

tokio::task_local! {
    /// How long the request at hand may wait for its connection; the client has no other way to
    /// tell its connector.
    static CONNECT_TIMEOUT: Duration;
}

/// Opens connections.
#[derive(Clone, Copy, Debug)]
struct Connector;

/// Why there is no connection.
#[derive(Clone, Copy, Debug)]
enum ConnectError {
    Refused,
    TimedOut,
    BadUrl,
    UnknownHost,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::TimedOut => "no connection in time",
            Self::BadUrl => "the URL names no host",
            Self::UnknownHost => "unknown host",
        })
    }
}

impl std::error::Error for ConnectError {}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = CONNECT_TIMEOUT.try_with(|limit| *limit).unwrap_or(DEFAULT_TIMEOUT);
        Box::pin(async move {
            let authority = uri.authority().ok_or(ConnectError::BadUrl)?;
            let port = authority.port_u16().unwrap_or(80);
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            let addresses: Vec<_> = tokio::net::lookup_host((host, port))
                .await
                .map_err(|_| ConnectError::UnknownHost)?
                .collect();
            match timeout(limit, TcpStream::connect(addresses.as_slice())).await {
                Err(_) => Err(ConnectError::TimedOut),
                Ok(Ok(stream)) => Ok(TokioIo::new(stream)),
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::AddrNotAvailable => {
                    Err(ConnectError::UnknownHost)
                }
                Ok(Err(_)) => Err(ConnectError::Refused),
            }
        })
    }
}

/// A response's body whose parts may not let one wait too long.
struct TimedBody {
    body: Incoming,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.waiting = None;
                Poll::Ready(frame.map(|frame| frame.map_err(|_| Error::HttpProtocolError)))
            }
            Poll::Pending => {
                let limit = this.limit;
                let waiting =
                    this.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
                waiting.as_mut().poll(cx).map(|()| Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Empty};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers every request with `answer`, and goes on if that names its length.
    /// Its URL, and what tells each connection and each request.
    async fn server(
        answer: &'static str,
    ) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, seen) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = sender.send("connection".to_owned());
                let mut buffer = [0; 4096];
                loop {
                    let size = stream.read(&mut buffer).await.unwrap_or(0);
                    if size == 0 || answer.is_empty() {
                        break;
                    }
                    let _ = sender.send(String::from_utf8_lossy(&buffer[..size]).into_owned());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        (url, seen)
    }

    fn request(url: &str) -> Request<WasiBody> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        Request::builder().uri(url).header("host", "wrong").body(body).unwrap()
    }

    async fn ask(client: &Client, url: &str, options: RequestOptions) -> Result<Bytes, Error> {
        let response = send(client, request(url), options).await?;
        Ok(response.into_body().collect().await?.to_bytes())
    }

    const SHORT: Option<Duration> = Some(Duration::from_millis(50));

    #[tokio::test]
    async fn connections_are_used_again() {
        let (url, mut seen) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let client = Client::new();
        for _ in 0..3 {
            assert_eq!(ask(&client, &url, RequestOptions::default()).await.unwrap(), "ok");
        }
        assert_eq!(seen.recv().await.unwrap(), "connection");
        for _ in 0..3 {
            let head = seen.recv().await.unwrap();
            let host = url.trim_start_matches("http://").trim_end_matches('/');
            assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
            assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
        }
        assert!(seen.try_recv().is_err());
    }

    #[tokio::test]
    async fn no_server_is_a_refusal() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error =
            ask(&Client::new(), &format!("http://{free}/"), RequestOptions::default()).await;
        assert!(matches!(error, Err(Error::ConnectionRefused)), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_lost_before_the_answer_is_a_protocol_error() {
        let (url, _seen) = server("").await;
        let error = ask(&Client::new(), &url, RequestOptions::default()).await;
        assert!(matches!(error, Err(Error::HttpProtocolError)), "{error:?}");
    }

    #[tokio::test]
    async fn answers_that_do_not_come_time_out() {
        // The kernel takes the connection, nobody answers.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let options = RequestOptions { first_byte_timeout: SHORT, ..Default::default() };
        let error = ask(&Client::new(), &url, options).await;
        assert!(matches!(error, Err(Error::ConnectionReadTimeout)), "{error:?}");
    }

    #[tokio::test]
    async fn answers_that_stop_time_out() {
        let (url, _seen) = server("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").await;
        let options = RequestOptions { between_bytes_timeout: SHORT, ..Default::default() };
        let error = ask(&Client::new(), &url, options).await;
        assert!(matches!(error, Err(Error::ConnectionReadTimeout)), "{error:?}");
    }
}
