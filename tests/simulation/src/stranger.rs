//! What stands between workers and nodes and answers in a node's place: an ingress whose route is
//! gone, a gateway, a login page.

use drain::NodeResponse;

use crate::world::World;

/// An answer that no node gave. The request never reaches the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stranger {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: &'static str,
}

const fn stranger(status: u16, content_type: Option<&'static str>, body: &'static str) -> Stranger {
    Stranger { status, content_type, body }
}

const HTML: Option<&str> = Some("text/html");
const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
const JSON: Option<&str> = Some("application/json");

/// What FastAPI says of a path that it does not know, and of a group if it is told nothing better.
const BARE: &str = r#"{"detail":"Not Found"}"#;

/// Those that there are.
const STRANGERS: [Stranger; 9] = [
    Stranger::PAGE,
    stranger(404, TEXT, "404 page not found"),
    stranger(404, None, ""),
    stranger(404, JSON, BARE),
    stranger(404, JSON, r#"{"message":"no Route matched with those values"}"#),
    stranger(400, HTML, "<html><h1>400 Bad Request</h1></html>"),
    stranger(200, HTML, "<html><form>Sign in</form></html>"),
    stranger(200, TEXT, "OK"),
    stranger(302, HTML, "<html>Moved</html>"),
];

impl Stranger {
    /// What an ingress says of a route that it does not have.
    pub const PAGE: Self = stranger(404, HTML, "<html><h1>404 Not Found</h1></html>");

    /// Whether some node's own 404 is just like it.
    pub(crate) fn may_pass(self) -> bool {
        self.status == 404 && matches!(self.body, "" | BARE)
    }

    pub(crate) fn draw(world: &World) -> Self {
        world.pick(&STRANGERS)
    }

    pub(crate) fn response(self) -> NodeResponse {
        let header = |kind: &str| ("content-type".to_owned(), kind.to_owned());
        NodeResponse {
            status: self.status,
            headers: self.content_type.map(header).into_iter().collect(),
            body: self.body.into(),
            body_is_whole: true,
        }
    }
}
