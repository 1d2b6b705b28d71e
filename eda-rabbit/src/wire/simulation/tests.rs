//! Scenarios that run over the simulation and over RabbitMQ, and must give the same trace: else the simulation lies.

mod alarm;
mod bench;
mod consuming;
mod dead_lettering;
mod declaring;
mod publishing;

use self::bench::{Bench, compare, number, quorum, text};
