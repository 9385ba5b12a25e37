//! The HTTP trigger: a fresh instance for each request, which may work on after its response.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme as WasiScheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::component::HttpHandler;
use crate::instance::Instance;
use crate::routes::{Match, Routes};
use crate::terminal::{complain, say};

/// Paths that Spin answers itself.
const WELL_KNOWN: &str = "/.well-known/spin/";

/// The HTTP side of an application.
pub(crate) struct HttpTrigger {
    routes: Routes,
    handlers: Vec<HttpHandler>,
    listener: TcpListener,
}

impl HttpTrigger {
    /// Takes the address. `handlers` must hold every component that a route leads to.
    pub(crate) async fn listen(
        routes: Routes,
        handlers: Vec<HttpHandler>,
        address: &str,
    ) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        Ok(Self { routes, handlers, listener })
    }

    /// Tells that requests are served, and where, in Spin's words.
    pub(crate) fn announce(&self) -> Result<()> {
        let base = format!("http://{}", self.listener.local_addr()?);
        say(format_args!("\nServing {base}\nAvailable Routes:"));
        for target in self.routes.targets() {
            let wildcard = if target.route.ends_with("/...") { " (wildcard)" } else { "" };
            say(format_args!("  {}: {base}{}{wildcard}", target.component, target.prefix()));
        }
        Ok(())
    }

    /// Serves until accepting connections fails.
    pub(crate) async fn serve(self) -> Result<()> {
        let Self { routes, handlers, listener } = self;
        let server = Arc::new(Server { routes, handlers });
        loop {
            let (stream, client) = listener.accept().await.context("cannot accept connections")?;
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let service = service_fn(|request| Arc::clone(&server).answer(request, client));
                // A client that goes away in mid-request is its own affair.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }
}

struct Server {
    routes: Routes,
    handlers: Vec<HttpHandler>,
}

impl Server {
    /// Answers one request. An error closes the connection, as Spin does on requests without host.
    async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<HyperOutgoingBody>> {
        let path = request.uri().path().to_owned();
        if let Some(name) = path.strip_prefix(WELL_KNOWN) {
            return Ok(match name {
                "health" => plain(StatusCode::OK, "OK"),
                _ => plain(StatusCode::NOT_FOUND, ""),
            });
        }
        let Some(found) = self.routes.find(&path) else {
            return Ok(plain(StatusCode::NOT_FOUND, ""));
        };
        make_absolute(&mut request)?;
        let id = &found.target.component;
        let handled = async {
            let handler = self.handlers.iter().find(|handler| handler.settings.id == *id);
            add_headers(&mut request, &found, client)?;
            run(handler.context("no such component")?, request).await
        };
        Ok(handled.await.unwrap_or_else(|error| {
            complain(format_args!("Component `{id}` failed to answer {path}: {error:#}"));
            plain(StatusCode::INTERNAL_SERVER_ERROR, "")
        }))
    }
}

/// Runs a component up to its response; it may go on on its own afterwards.
async fn run(
    handler: &HttpHandler,
    request: Request<Incoming>,
) -> Result<Response<HyperOutgoingBody>> {
    let mut store = Instance::store(handler.proxy.engine(), &handler.settings);
    let instance = handler.proxy.instantiate_async(&mut store).await?;
    let (sender, receiver) = oneshot::channel();
    let request = store.data_mut().http().new_incoming_request(WasiScheme::Http, request)?;
    let outparam = store.data_mut().http().new_response_outparam(sender)?;
    let handling = tokio::spawn(async move {
        let handled =
            instance.wasi_http_incoming_handler().call_handle(&mut store, request, outparam).await;
        handled.map_err(anyhow::Error::from)
    });
    match receiver.await {
        Ok(response) => {
            let id = handler.settings.id.clone();
            tokio::spawn(async move {
                if let Ok(Err(error)) = handling.await {
                    complain(format_args!("Component `{id}` failed after its response: {error:#}"));
                }
            });
            response.map_err(|code| anyhow!("it answered with {code:?}"))
        }
        Err(_) => {
            handling.await.context("its task broke off")??;
            bail!("it returned without a response")
        }
    }
}

/// Completes the URL with scheme and host, which the component is to see.
fn make_absolute<B>(request: &mut Request<B>) -> Result<()> {
    let named: Option<Authority> = match request.headers().get(header::HOST) {
        Some(host) => Some(host.to_str()?.parse().context("the Host header is no host")?),
        None => None,
    };
    let mut parts = request.uri().clone().into_parts();
    if let (Some(named), Some(given)) = (&named, &parts.authority) {
        ensure!(named == given, "the Host header differs from the URL");
    }
    parts.authority = named.or(parts.authority);
    ensure!(parts.authority.is_some(), "the request names no host");
    parts.scheme = Some(Scheme::HTTP);
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(())
}

/// Adds what Spin tells components about a request, and takes away what is between the client
/// and the server only.
fn add_headers<B>(request: &mut Request<B>, found: &Match<'_>, client: SocketAddr) -> Result<()> {
    let uri = request.uri().clone();
    let headers = request.headers_mut();
    for (name, value) in headers.iter() {
        std::str::from_utf8(value.as_bytes()).with_context(|| format!("the header `{name}`"))?;
    }
    headers.remove(header::CONNECTION);
    let host = match headers.get(header::HOST) {
        Some(host) => host.to_str()?.to_owned(),
        None => "localhost".to_owned(),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut add = |name: &str, value: &str| -> Result<()> {
        headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
        Ok(())
    };
    add("spin-path-info", &found.rest)?;
    add("spin-full-url", &format!("http://{host}{path}"))?;
    add("spin-matched-route", &found.target.based())?;
    add("spin-base-path", "/")?;
    add("spin-raw-component-route", &found.target.route)?;
    add("spin-component-route", found.target.prefix())?;
    add("spin-client-addr", &client.to_string())?;
    for (name, part) in &found.named {
        add(&format!("spin-path-match-{}", name.replace('_', "-").to_ascii_lowercase()), part)?;
    }
    Ok(())
}

fn plain(status: StatusCode, body: &'static str) -> Response<HyperOutgoingBody> {
    let body = Full::new(Bytes::from_static(body.as_bytes()));
    let mut response =
        Response::new(body.map_err(|never: Infallible| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::HttpTrigger;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn absolute(uri: &str, headers: &[(&str, &str)]) -> Result<String> {
        let mut request = request(uri, headers);
        make_absolute(&mut request)?;
        Ok(request.uri().to_string())
    }

    #[test]
    fn requests_get_the_url_they_were_meant_for() {
        assert_eq!(absolute("/a?b", &[("host", "h:1")]).unwrap(), "http://h:1/a?b");
        assert_eq!(absolute("http://h/a", &[("host", "h")]).unwrap(), "http://h/a");
        assert!(absolute("http://h/a", &[("host", "other")]).is_err());
        assert!(absolute("/a", &[]).is_err());
        assert!(absolute("/a", &[("host", "a b")]).is_err());
    }

    #[test]
    fn components_are_told_of_route_and_client() {
        let trigger: HttpTrigger =
            toml::from_str("component = \"c\"\nroute = \"/user/:user_id/...\"").unwrap();
        let routes = Routes::new(&[trigger]).unwrap();
        let headers = [("host", "h:1"), ("connection", "close"), ("x-own", "1"), ("x-own", "2")];
        let mut request = request("/user/7/rest?q", &headers);
        make_absolute(&mut request).unwrap();
        let found = routes.find("/user/7/rest").unwrap();
        add_headers(&mut request, &found, "1.2.3.4:5".parse().unwrap()).unwrap();

        let header = |name| {
            let values = request.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(",")
        };
        assert_eq!(header("spin-path-info"), "/rest");
        assert_eq!(header("spin-full-url"), "http://h:1/user/7/rest?q");
        assert_eq!(header("spin-matched-route"), "/user/:user_id/...");
        assert_eq!(header("spin-base-path"), "/");
        assert_eq!(header("spin-raw-component-route"), "/user/:user_id/...");
        assert_eq!(header("spin-component-route"), "/user/:user_id");
        assert_eq!(header("spin-client-addr"), "1.2.3.4:5");
        assert_eq!(header("spin-path-match-user-id"), "7");
        assert_eq!(header("x-own"), "1,2");
        assert_eq!(header("connection"), "");
    }

    #[test]
    fn headers_that_are_no_text_are_refused() {
        let trigger: HttpTrigger = toml::from_str("component = \"c\"\nroute = \"/\"").unwrap();
        let routes = Routes::new(&[trigger]).unwrap();
        let mut request = request("/", &[("host", "h")]);
        request.headers_mut().insert("x", HeaderValue::from_bytes(b"\xff").unwrap());
        let found = routes.find("/").unwrap();
        assert!(add_headers(&mut request, &found, "1.2.3.4:5".parse().unwrap()).is_err());
    }
}
