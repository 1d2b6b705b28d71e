//! The RabbitMQ transport while its broker is killed, frozen, blocked and cut off: on private nodes, one test at a time on each.

// a network that comes and goes
mod proxy;
// the node, a workload, and the arithmetic of nothing lost
mod support;
// with the rights of a service, and no others
#[path = "../security/user.rs"]
mod user;
// lost connections and lost brokers, under load
mod lost;
// a broker that takes nothing, or says nothing
mod silent;
// a network that is slow
mod slow;
// a queue that answers too late
mod late;
// what came on a connection that was lost
mod stale;
// a message that kills processes, or connections
mod deadly;
// bindings and room
mod removed;
// a leader that does not answer
mod unanswered;
// retries that are not taken
mod waiting;
// permissions
mod access;
// connected, and not consuming
mod alive;
// many clients
mod crowd;
// small frames, and few channels
mod limits;
