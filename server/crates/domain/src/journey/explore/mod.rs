//! Exhaustive exploration of the journey.
