//! The WebAssembly engine, with the limits that Spin sets, and its clock tick.

use std::time::Duration;

use anyhow::Result;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ProfilingStrategy,
};

/// How many instances may live at once; one more is refused, as Spin refuses it.
const INSTANCES: u32 = 1000;
/// How many bytes of a memory or a table stay mapped for the next instance.
const KEEP_RESIDENT_BYTES: usize = 2 << 20;
/// How long a component may compute before other tasks get their turn.
const TICK: Duration = Duration::from_millis(10);

/// Makes the engine. Where the machine has too little address space for a pool of instances,
/// each gets its memory when it starts.
pub(crate) fn new(profiling: ProfilingStrategy) -> Result<Engine> {
    let engine = match Engine::new(&config(true, profiling)) {
        Ok(engine) => engine,
        Err(_) => Engine::new(&config(false, profiling))?,
    };
    let ticking = engine.weak();
    std::thread::Builder::new().name("tick".to_owned()).spawn(move || {
        while let Some(engine) = ticking.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(engine)
}

fn config(pooling: bool, profiling: ProfilingStrategy) -> Config {
    let mut config = Config::new();
    config.profiler(profiling);
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    if pooling {
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(INSTANCES)
            .total_core_instances(4 * INSTANCES)
            .total_memories(INSTANCES)
            .total_tables(2 * INSTANCES)
            .total_stacks(INSTANCES)
            .max_core_instances_per_component(200)
            .max_memories_per_component(32)
            .max_tables_per_component(64)
            .table_elements(100_000)
            .max_component_instance_size(10 << 20)
            .max_core_instance_size(10 << 20)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
            .table_keep_resident(KEEP_RESIDENT_BYTES / 4);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}
