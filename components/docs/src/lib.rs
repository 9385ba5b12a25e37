//! The API's documentation: `/docs` for people, `/openapi.json` for programs. Everything is made at
//! build time, and the component may reach nothing at all.

use spin_sdk::http::{IntoResponse, Method, Request, Response};
use spin_sdk::http_component;

/// What the page may load: its own files, and nothing from anywhere else.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

struct File {
    content_type: &'static str,
    content: &'static [u8],
}

#[http_component]
fn handle(request: Request) -> impl IntoResponse {
    let mut response = Response::builder();
    response.header("content-security-policy", POLICY).header("x-process-time", "0.0000 sec");
    // The host sends no body in answer to HEAD.
    let reads = matches!(request.method(), Method::Get | Method::Head);
    match file(request.path()) {
        Some(file) if reads => response
            .status(200)
            .header("content-type", file.content_type)
            .header("cache-control", "max-age=300")
            .body(file.content.to_vec())
            .build(),
        Some(_) => response
            .status(405)
            .header("allow", "GET, HEAD")
            .header("content-type", "application/problem+json")
            .body(WRONG_METHOD)
            .build(),
        None => response
            .status(404)
            .header("content-type", "application/problem+json")
            .body(NOT_THERE)
            .build(),
    }
}

const WRONG_METHOD: &str = r#"{"type":"/docs#problem-method-not-allowed","title":"The route has no such method","status":405,"detail":"This route takes GET, HEAD.","next":"Use a method that the Allow header names."}"#;
const NOT_THERE: &str = r#"{"type":"/docs#problem-no-such-route","title":"There is nothing here","status":404,"detail":"The documentation has no such page.","next":"Check the path; /docs lists every route."}"#;

fn file(path: &str) -> Option<File> {
    let (content_type, content): (&str, &[u8]) = match path {
        "/docs" | "/docs/" | "/redoc" => {
            ("text/html; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/page.html")))
        }
        "/openapi.json" => {
            ("application/json", include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json")))
        }
        "/docs/page.css" => ("text/css; charset=utf-8", include_bytes!("../page.css")),
        "/docs/page.js" => ("text/javascript; charset=utf-8", include_bytes!("../page.js")),
        "/docs/swagger-ui.css" => {
            ("text/css; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css")))
        }
        "/docs/swagger-ui-bundle.js" => (
            "text/javascript; charset=utf-8",
            include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js")),
        ),
        _ => return None,
    };
    Some(File { content_type, content })
}
