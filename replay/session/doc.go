// Package session records what clients did and plays it again.
//
// A recording holds every command of every connection, in the one order in
// which the single writer executed them, with all that its result depended on
// besides the data: the clock it saw, the seed of its random numbers. The data
// itself is not in it: the recording names a log and an offset, and the log
// brings back the state that the first command met. So an engine that is given
// that state and these steps must answer every command with the same bytes,
// and the first one that differs is where a bug shows.
//
// # File
//
//	magic   8 bytes   "ALTSESS" and the format version, one byte (1)
//	frame*            uvarint length n · u32 LE CRC-32C of the payload · n bytes of msgpack
//
//	first frame       [ "session", name, log id, offset, started µs, server version, {setting: text} ]
//	step frames       [ kind, conn, clock, … ]
//	    1 connect     [ 1, conn, clock, addr ]
//	    2 prelude     [ 2, conn, clock, seed, [arg …] ]
//	    3 command     [ 3, conn, clock, arrived, seed, volatile, [arg …], reply ]
//	    4 disconnect  [ 4, conn, clock ]
//	    5 tick        [ 5, 0, clock ]
//	    6 evict       [ 6, 0, clock, [database, key] ]
//	    7 full        [ 7, 0, clock, ["1" or "0"] ]
//	    8 wait        [ 8, conn, clock, arrived, seed, [arg …] ]
//	    9 push        [ 9, conn, clock, frame ]
//	   10 change      [ 10, conn, clock, [events, arg …] ]
//	   11 hold        [ 11, 0, clock, ["1" or "0"] ]
//	last frame        [ "end", number of steps ]
//
// clock and arrived are µs since 1970; arrived is what pacing uses when a
// recording is sent to another server, clock is what the command saw. addr and
// texts are msgpack str, arguments and replies bin.
//
// A push is what a connection was sent besides the replies to its commands, as a
// consequence of the step before: a message that it has subscribed to, or the reply
// to the command with which it began to wait (8), however much later. Who plays a
// recording is sent the same, and compares it.
//
// A change is what LOG RESTORE or LOG UNDO did, in the events of an entry. The command
// itself, and its reply, are no steps: they ask of a past that is not the recording's. Between holds
// keys that are due stay, as in a pause.
//
// Every frame is bounded and its CRC checked before it is decoded, and nothing
// is allocated by a length that was only announced. A recording without its
// last frame was cut short, by a crash most likely; what is there can be
// played, and [Reader.Complete] says that it is not all. A frame that fails its
// CRC with nothing after it is such a cut; one in the middle is damage.
//
// Passwords are pseudonyms: the engine replaces those of AUTH, HELLO and CONFIG
// in the steps and in the settings before it hands them over, always the same
// one for the same password, so that AUTH is answered as it was. All else
// stands in a recording as the clients sent it: files are created with mode
// 0600, and a recording that is handed on should be read first.
//
// # Sending
//
// [Send] plays a recording to any server over the network. It keeps the recorded
// order over all connections by waiting for each reply, so it takes care that there
// is one: what a client sent that wanted no replies is answered to it all the same.
// CLIENT REPLY OFF and SKIP are sent as ON, in a transaction too, and so is MONITOR, whose
// lines would be others. The server then
// sees other traffic in this one regard (CLIENT LIST, the bytes that it counts), and
// its clock and randomness are its own: what depends on those may differ. What LOG RESTORE
// did is not sent. That a command
// waits it does not say either: what another connection sends next may overtake it.
//
// # Who owns what
//
//	Writer   steps come from the engine's loop; a goroutine of the writer's own
//	         hands the buffered bytes to the operating system five times a
//	         second, so that a killed server leaves all but the last moment;
//	         Close stops it and waits for it
//	Reader   one goroutine at a time; a step's slices are valid until the next
//	Play     runs on the caller's goroutine
package session
