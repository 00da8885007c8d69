// Package past answers what clients ask of the past, beside the server: reads at a moment
// ([ASOF]), and what the log tells of itself (LOG …). It is the same for a connection to
// a running server and for the command line on a directory.
//
//	loop      ASOF @1200 GET k   the engine: arity, rights · after the turn's Commit ▶ [Room.Answer]
//	beside    resolve the point · take the view · carry out the command on it
//	loop      the reply, as a turn of its own; the session has waited for it as for SAVE
//
// # Reading at a moment
//
// A command that reads runs on a whole state, or on one of just the keys that it names,
// with the clock standing still at that moment: what had expired then is gone, and TTL
// counts from then. [Reader] carries it out with the decisions that the engine uses, so
// the past needs no line in the command code. What would have been recorded (PFCOUNT's
// cache) is dropped. A command that writes is answered -ASOFRO; one that speaks of a
// connection or a server is the engine's and no command about the past, but for these,
// which are answered as of then:
//
//	TIME · LOG OFFSET · LOG DIGEST · DEBUG DIGEST · DEBUG DIGEST-VALUE
//
// # What the log tells
//
// [Source.Lines] answers LOG RANGE, KEY, BLAME, DIFF and TAGS in lines, for people or as
// JSON. The verbs of the command line ask it on a directory, and a server with --addr: so
// both print the same. [Source.Follow] goes on as the log grows.
//
// # Errors
//
//	BADPOINT NOTAG FUTURE COMPACTED   the point, see [replay.PointError]
//	ASOFRO     the command writes
//	BUSYVIEW   all views are in use at other offsets
//	DAMAGED    log and checkpoints cannot be read up to there: what, where, the way out
//
// # Goroutines
//
// None of its own. Answer may be called from any number of goroutines at once, and takes
// as long as the work takes.
package past
