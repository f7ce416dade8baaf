//! The store that the scenarios lie with keeps the contract of stores until it is told not to.

use std::sync::Arc;

use hallmark_proxy::store::conformance;
use hallmark_tests::memory::MemoryStore;

#[tokio::test]
async fn the_store_in_memory_conforms() {
    conformance::run(Arc::new(MemoryStore::new())).await;
}
