//! What dependencies get in place of what they may not have: an empty environment, and failing calls.

use anyhow::Result;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, Linker, ResourceType, Val};
use wasmtime_wasi_http::p2::bindings::http::types as http;

use crate::compose::DENIED;
use crate::instance::Instance;

/// Defines the imports that composing has put aside for dependencies.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>, component: &Component) -> Result<()> {
    let engine = component.engine();
    for (import, item) in component.component_type().imports(engine) {
        let Some(name) = import.strip_prefix(DENIED) else { continue };
        let ComponentItem::ComponentInstance(interface) = item.ty else { continue };
        let mut denied = linker.instance(import)?;
        for (export, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let message = format!("a dependency may not call {name} {export}");
                    denied.func_new(export, move |_, ty, _, results| {
                        for (result, ty) in results.iter_mut().zip(ty.results()) {
                            *result = refusal(&ty, &message)
                                .ok_or_else(|| wasmtime::Error::msg(message.clone()))?;
                        }
                        Ok(())
                    })?;
                }
                ComponentItem::Resource(_) => {
                    denied.resource(export, resource(export), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The answer of a function that does nothing: emptiness or an error; `None` where its type has
/// neither.
fn refusal(ty: &Type, message: &str) -> Option<Val> {
    match ty {
        Type::List(_) => Some(Val::List(Vec::new())),
        Type::Option(_) => Some(Val::Option(None)),
        Type::Result(result) => {
            let Type::Variant(error) = result.err()? else { return None };
            let case =
                error.cases().find(|case| matches!(case.name, "other" | "internal-error"))?;
            let message = Val::String(message.to_owned());
            let message = match case.ty? {
                Type::String => message,
                Type::Option(_) => Val::Option(Some(Box::new(message))),
                _ => return None,
            };
            let error = Val::Variant(case.name.to_owned(), Some(Box::new(message)));
            Some(Val::Result(Err(Some(Box::new(error)))))
        }
        _ => None,
    }
}

/// The type behind a resource: what an interface takes over from another must be that one's.
fn resource(name: &str) -> ResourceType {
    match name {
        "outgoing-request" => ResourceType::host::<http::OutgoingRequest>(),
        "request-options" => ResourceType::host::<http::RequestOptions>(),
        "future-incoming-response" => ResourceType::host::<http::FutureIncomingResponse>(),
        _ => ResourceType::host::<()>(),
    }
}
