//! The URLs that Muster calls, of nodes and of callbacks: one parser, for checking a URL and for
//! calling it, so that what was checked is what is called.
//!
//! A URL that nothing can be sent to is refused, with a reason that does not repeat the URL: there
//! may be a secret in it.

mod host;

use std::fmt;

use http::Uri;
use http::uri::PathAndQuery;

pub use host::Host;

/// A scheme that can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// Reads `http` or `https`, in any letter case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|own| own.name().eq_ignore_ascii_case(text))
    }

    /// `http` or `https`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL that names none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why a URL cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlError(pub(crate) &'static str);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for UrlError {}

/// `http(s)://host[:port][/path][?query]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    scheme: Scheme,
    host: Host,
    /// `None` = the scheme's own.
    port: Option<u16>,
    /// Host and port as they were written.
    authority: String,
    /// Begins with a slash.
    path_with_query: String,
}

impl HttpUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it can never be called: another scheme, no host, a user name, a port that there is not,
    /// a fragment.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        // `Uri` would drop it.
        if text.contains('#') {
            return Err(UrlError("it may not have a fragment (#)"));
        }
        let scheme = text.split_once("://").and_then(|(scheme, _)| Scheme::parse(scheme));
        let scheme = scheme.ok_or(UrlError("it must begin with http:// or https://"))?;
        let uri: Uri = text.parse().map_err(|_| UrlError("it is not a URL"))?;
        let authority = uri.authority().ok_or(UrlError("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(UrlError("it may not have a user name or password"));
        }
        let host = authority.host();
        let port = port(authority.as_str().strip_prefix(host).unwrap_or_default())?;
        let rest = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        // A query may follow the host directly; the path of such a URL is `/`.
        let slash = if rest.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            host: Host::parse(host)?,
            port,
            authority: authority.as_str().to_owned(),
            path_with_query: [slash, rest].concat(),
        })
    }

    /// Reads a node's address: a URL with which those of its API begin, or `host:port`, which stands
    /// for `http://host:port`.
    ///
    /// # Errors
    /// As for [`HttpUrl::parse`], and when it has a query, which no path could follow; when there is
    /// a path without a scheme.
    pub fn parse_node(text: &str) -> Result<Self, UrlError> {
        let url = if text.contains("://") {
            Self::parse(text)?
        } else if text.contains('/') {
            return Err(UrlError("with a path it must begin with http:// or https://"));
        } else {
            Self::parse(&["http://", text].concat())?
        };
        if url.path_with_query.contains('?') {
            return Err(UrlError("it may not have a query"));
        }
        Ok(url)
    }

    /// The URL of `path_with_query` below this one, which must not have a query itself.
    ///
    /// # Errors
    /// When it does not begin with a slash, or is not what a request can ask for.
    pub fn join(mut self, path_with_query: &str) -> Result<Self, UrlError> {
        let is_path = path_with_query.starts_with('/')
            && !path_with_query.contains('#')
            && path_with_query.parse::<PathAndQuery>().is_ok();
        if !is_path {
            return Err(UrlError("the path must begin with a slash and be fit for a request"));
        }
        self.path_with_query.truncate(self.path_with_query.trim_end_matches('/').len());
        self.path_with_query.push_str(path_with_query);
        Ok(self)
    }

    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port that it names, if it does.
    #[must_use]
    pub fn explicit_port(&self) -> Option<u16> {
        self.port
    }

    /// The port that is called.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// `host` or `host:port`, as it was written.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What is asked of the host; begins with a slash.
    #[must_use]
    pub fn path_with_query(&self) -> &str {
        &self.path_with_query
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority, self.path_with_query)
    }
}

/// Reads what follows the host: nothing, or a colon and a number.
fn port(text: &str) -> Result<Option<u16>, UrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix(':').filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let port = digits.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0);
    port.map(Some).ok_or(UrlError("its port must be a number from 1 to 65535"))
}

#[cfg(test)]
mod tests;
