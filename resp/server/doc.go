// Package server is the front end: it owns sockets and the loop that calls the
// engine in turns (resp.Handler). It knows bytes and commands and nothing of
// what they mean.
//
// # A turn
//
//	connections                          the loop
//	read what has arrived
//	parse every whole command
//	hand the batch in       ───────▶     take all batches that wait
//	wait                                 Session.Run for each, in the order in which they came
//	                                     Handler.Commit, once
//	write the replies       ◀───────     wake them
//
// So many connections share one write to the log, and under fsync always one
// fsync. What arrives while a turn runs is the next turn's.
//
// # Goroutines
//
//	goroutine      owns                               reached by         stops
//	loop           the handler and every session      queue, Post, kick  Shutdown, after the last connection
//	a connection   its socket, parser and output      its wake channel   the socket's end, Hangup, Kill, Shutdown
//	accepting      one listener                                          Shutdown closes the listener
//
// A connection's parser and output belong to its goroutine, but for the time
// from handing in a batch until it is woken: then they are the loop's.
//
// # Bounds
//
// A client that does not read its replies stops itself and nobody else: its
// goroutine waits in write, and nothing more of it is read or executed. The
// replies of one Run are bounded by the engine, so what waits for it in memory
// is one Run's output and one batch of commands. Half commands grow with what
// was sent, up to the limits of package resp. There is no bound on how long a
// client may be silent but Options.Timeout.
//
// # Form
//
// A goroutine for each connection and one loop is the portable form. An epoll
// loop that reads and writes by itself can take its place behind the same
// resp.Handler: the engine sees turns either way.
package server
