//! The one suite for both databases.
