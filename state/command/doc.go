// Package command is the command table and the decisions behind it.
//
// A command is one function of type [Decide]. It reads a [state.View], writes
// its reply and records events: facts about what will have happened. It
// changes nothing itself; whoever calls it appends the events to the log and
// applies them. So a command is pure: no clock (the View has one, pinned for
// the whole unit), no randomness but what [Call.Rand] hands in, no I/O.
//
// # Duties of a decision
//
//   - Check everything first, record events last: a command that answers an
//     error has recorded none (the engine takes back what such a call recorded).
//   - Record final values. An expiry is absolute, a random member is chosen, a
//     counter has its result.
//   - Record nothing that changes nothing: PERSIST of a key without expiry, DEL
//     of a missing key, HSET never (setting a field to its old value is still a
//     write: Redis counts it as one).
//   - Where the events do not tell what was asked (INCRBY k 5 is recorded as the
//     String event with the result), call [Call.Tell]: the whole argv goes into
//     the entry's cause.
//   - The View shows the state before the call, whatever was recorded: a command
//     that names a key twice (MSET a 1 a 2) must itself see to the second.
//
// Keys that are due are removed by the engine, by an event of their own, before
// the command that names them is decided; and a View never shows them.
//
// # The table
//
// [Table] holds one [Spec] per command: name, arity, flags, where its keys are,
// categories, since when, and its documentation in our own words. Dispatch, the
// errors for unknown commands and wrong arity, COMMAND and COMMAND DOCS all come
// from it. Commands that need a connection or the server (CLIENT, MULTI, INFO)
// stand in the table too, with no Decide: the engine carries them out, and a
// test holds that it has every one. Adding a command touches one family file
// and one transcript.
package command
