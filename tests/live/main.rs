//! Real servers, real ceremonies.
