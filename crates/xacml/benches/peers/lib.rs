//! Compares the policy engine with others: see `benches/peers.rs`.
