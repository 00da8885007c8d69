// Package resp is the wire: bytes to commands and replies to bytes, in RESP2
// and RESP3. It imports nothing of ours; everything that speaks the protocol
// (the server, the engine, the recorder and player of sessions, the command
// line) speaks it through this package, so there is one codec.
//
// # Requests
//
// A request is a multi-bulk, which every client library sends, or an inline
// line, which a person types into a terminal:
//
//	*<n>\r\n  then n times  $<len>\r\n <len bytes> \r\n
//	word word "a quoted \x41 word" 'another'\r\n
//
// [Parser] is incremental: it is given whatever has arrived, hands out every
// complete command and says how many bytes it used; half a command is simply
// not complete yet. Nothing is allocated by a length that was only announced:
// a bulk's memory grows as its bytes arrive. What can never become a command
// is a [ProtocolError] in Redis' words; the connection is then answered and
// closed, since its next byte has no meaning any more.
//
// # Replies
//
// [Writer] collects the replies of one connection. It knows the connection's
// protocol, so a command writes the reply it means (a map, a set, a double, a
// null) and the writer chooses the form:
//
//	meaning        RESP2                 RESP3
//	map of n       *2n                   %n
//	set of n       *n                    ~n
//	push of n      *n                    >n
//	double         bulk, shortest text   ,text
//	boolean        :1 :0                 #t #f
//	null           $-1 (or *-1)          _
//	big number     bulk                  (digits
//	verbatim       bulk                  =len\r\ntxt:…
//
// [Reader] is the other direction: it reads replies, for clients and tests,
// with limits on depth and size, since a server may be hostile too.
//
// # The seam between front end and engine
//
// [Handler], [Session] and [Peer] are the whole contract between whatever
// reads sockets (resp/server) and whatever executes commands (state/engine).
// They stand here because neither may import the other.
package resp
