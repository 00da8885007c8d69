// Package server is the front end: it owns sockets and the loop that calls the
// engine in turns (resp.Handler). It knows bytes and commands and nothing of
// what they mean.
//
// # A turn
//
//	read what has arrived       all connections that are ready
//	parse every whole command
//	Session.Run                 for each, in the order in which they came
//	Handler.Commit              once
//	write the replies           to each
//	go on with others           that Commit has sent something, or that need not wait any more
//
// So many connections share one write to the log, and under fsync always one
// fsync. What arrives while a turn runs is the next turn's.
//
// # Two forms
//
// On Linux the loop does all five steps by itself (polled_linux.go): it waits
// in epoll on a locked thread, and reads and writes with non-blocking calls. A
// command costs its share of one epoll_wait, one read and one write, and no
// goroutine is woken for it.
//
// Elsewhere, and for connections that are no plain sockets, a goroutine for each
// connection reads, parses and writes (blocking.go), and the loop does the two
// steps in the middle:
//
//	connections                          the loop
//	read, parse
//	hand the batch in       ───────▶     take all batches that wait
//	wait                                 Run for each, Commit
//	write the replies       ◀───────     wake them
//
// One loop serves both at once, and the engine cannot tell them apart. The
// tests of this package run on both; with the build tag altilium_portable there is
// the second only, so that every other test can be run on it too.
//
// # Waiting
//
// While a reply is owed, nothing of that connection is executed. Where it may never come
// (Session.Blocked) the client's end is noticed meanwhile, and ends the connection: epoll
// tells it, or the connection's goroutine reads ahead, a bounded piece, until it is told
// to go on. What Commit sends a connection besides its replies goes behind its output; in
// the second form, whose goroutine may be reading, another goroutine writes it.
//
// # Goroutines
//
//	goroutine      owns                               reached by         stops
//	loop           the handler, every session,        queue, Post, kick  Shutdown, after the last connection
//	               polled connections
//	a connection   its socket, parser and output      its wake channel   the socket's end, Hangup, Kill, Shutdown
//	pushing        a write of what Commit has sent    blocking.mu        by itself, when there is no more
//	accepting      one listener                                          Shutdown closes the listener
//
// The parser and output of a connection with a goroutine belong to that, but
// for the time from handing in a batch until it is woken: then they are the
// loop's. Those of a polled connection are always the loop's.
//
// # Bounds
//
// A client that does not read its replies stops itself and nobody else: nothing
// more of it is read or executed until its socket has taken them. The replies
// of one Run are bounded by the engine, so what waits for it in memory is one
// Run's output and one batch of commands. Half commands grow with what was
// sent, up to the limits of package resp. From each connection a turn takes one
// read and at most maxBatch commands, from all together about maxTurn. Replies
// that are larger than that leave in pieces, everybody's in turn. There is
// no bound on how long a client may be silent but Options.Timeout.
package server
