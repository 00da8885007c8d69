package resp

import (
	"fmt"
	"math"
)

// Limits bound what one request may cost before it is known to be one.
type Limits struct {
	Bulk   int // bytes of one argument
	Args   int // arguments of one command
	Inline int // bytes of an inline command, and of a count line
	Buffer int // bytes that may wait in a parser, with what it notes about them

	// Untrusted says that Bulk and Args hold only until the client has
	// authenticated itself; the error for exceeding them then says so.
	Untrusted bool
}

// maxBulk is the longest argument that anybody may send.
const maxBulk = 512 << 20

// DefaultLimits are Redis' own: 512 MiB for an argument, 2³¹−1 arguments, 64 KiB
// for a line, 1 GiB waiting.
func DefaultLimits() Limits {
	return Limits{Bulk: maxBulk, Args: math.MaxInt32, Inline: 64 << 10, Buffer: 1 << 30}
}

// UntrustedLimits hold for a client that has not authenticated itself yet: it
// has nothing to say but AUTH or HELLO. 16 KiB for an argument, 10 arguments.
func UntrustedLimits() Limits {
	return Limits{Bulk: 16 << 10, Args: 10, Inline: 64 << 10, Buffer: 1 << 20, Untrusted: true}
}

// ProtocolError says that the bytes can never become a command. Its text is
// Redis', to be answered as "-ERR Protocol error: …" before the connection is
// closed.
type ProtocolError struct{ What string }

// Error is the reply's text.
func (e *ProtocolError) Error() string { return "ERR Protocol error: " + e.What }

func protocolError(format string, args ...any) error {
	return &ProtocolError{fmt.Sprintf(format, args...)}
}
