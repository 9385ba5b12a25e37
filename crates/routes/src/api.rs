//! What the routes need, whichever of them a request takes.

use settings::{ApiSettings, SettingError};
use store::Store;

/// Where tasks are kept, the settings, the nodes if they can be reached from here, a clock, and a
/// source of new ids.
pub struct Api<R, C, N> {
    pub store: Store<R>,
    pub settings: ApiSettings,
    /// Whether the worker's settings are as they should be.
    pub worker_settings: fn() -> Result<(), SettingError>,
    pub nodes: N,
    pub clock: C,
    pub new_id: fn() -> uuid::Uuid,
}
