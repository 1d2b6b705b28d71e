//! The ways in which the simulated transport can be broken.

/// What is wrong; each is a mistake that a transport's author could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,

    /// Acks what it receives before a handler has seen it.
    AcksBeforeHandling,
    /// Acks what is to be tried again, and nothing else.
    ForgetsRetries,
    /// Acks what is in hand when the subscription closes.
    LosesOnClose,
    /// Publishes everything twice.
    Doubles,
    /// Hands out the newer one of two first.
    Reorders,
    /// Takes whatever is there.
    IgnoresPrefetch,
    /// Binds patterns to nothing.
    IgnoresWildcards,

    /// Tries again at once.
    RetriesAtOnce,
    /// One queue for all delays: nothing comes before what was put in earlier.
    RetriesInTurn,
    /// Keeps what is to be tried again in hand until its time.
    RetriesInHand,
    /// Publishes what is to be tried again to everybody.
    RetriesByPublishing,
    /// Every attempt is the first one.
    ForgetsAttempts,
    /// Nothing was ever delivered before.
    ForgetsRedelivered,
    /// Acks what is to be a dead letter, and nothing else.
    ForgetsDeadLetters,
    /// Every dead letter is one for the same reason.
    ForgetsReasons,
    /// Cuts long details.
    CutsDetails,
    /// Acks what is given back.
    LosesWhatIsGivenBack,
    /// Acks nothing until the end.
    NeverAcks,
    /// Acks everything up to a delivery with it.
    AcksAllBefore,
    /// Hears acks in the order of delivery only.
    AcksInOrderOnly,
    /// Moves what is not its own any more.
    SaysYesAfterTheClose,

    /// Writes headers as text.
    WritesHeadersAsText,
    /// Leaves out what AMQP has no property for.
    LosesProperties,
    /// Gives a content type to what has none.
    InventsContentTypes,
    /// Reads bodies as text.
    ReadsBodiesAsText,
    /// Cuts texts at a hundred bytes.
    CutsTexts,
    /// Takes what others refuse.
    AcceptsEverything,
    /// Drops what no queue is bound for, and says that all is well.
    SwallowsUnroutable,

    /// A binding takes everything that begins with it.
    TakesPrefixes,
    /// Binds the first of several patterns.
    BindsOnce,
    /// A key leads to one queue.
    FirstQueueOnly,
    /// Each consumer gets everything.
    EveryConsumerGetsAll,
    /// Declares a queue when it is consumed.
    DeclaresLate,
    /// Empties a queue that is declared again.
    EmptiesQueues,
    /// Makes a queue that is not its own to make.
    MakesForeignQueues,
    /// Sends nothing to queues that somebody else declared.
    IgnoresForeignQueues,

    /// Gives more than was asked for.
    GivesTooMuch,
    /// Forgets what it had received when nobody waits any more.
    LosesCancelledReceives,
    /// Goes on after the subscription was cancelled.
    IgnoresCancel,
    /// Always says that it consumes.
    TellsNoHealth,
    /// Does not end when it is closed.
    HangsOnClose,
    /// Receives for ever, also after the close.
    NeverEnds,
    /// Takes the second close for a mistake.
    RefusesTheSecondClose,
    /// Works on after the close.
    StaysOpen,
    /// Keeps nothing when it is closed.
    LosesQueuesOnClose,

    /// Says that the broker has it, and then sends it.
    ConfirmsBeforeSending,
    /// Waits for the broker for ever.
    WaitsForEver,
    /// Does not connect again.
    NeverReconnects,
    /// Acks what was in hand when the connection was lost.
    LosesInHand,
    /// Moves a delivery whose broker is away into nothing, and says that all is well.
    MovesIntoNothing,
    /// Does not notice that the broker has ended its consumer.
    MissesTheBrokersCancel,
}
