package engine

import (
	"iter"
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

// redisVersion is the version that we behave like. Clients choose what they
// use by it.
const redisVersion = "7.2.4"

const errHelloNoAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"

// helloOptions is what HELLO was asked for.
type helloOptions struct {
	proto      int // 0: as it is
	auth       bool
	user       string
	password   []byte
	setname    bool
	clientname string
}

// helloCommand is HELLO [protover [AUTH username password] [SETNAME name]].
func helloCommand(e *Engine, s *Session, c *command.Call) {
	o, problem := parseHello(c.Args)
	if problem != "" {
		c.Out.Error(problem)
		return
	}
	if o.auth && !e.authenticate(s, o.user, o.password) {
		c.Out.Error(errWrongPass)
		return
	}
	if !s.Trusted() {
		c.Out.Error(errHelloNoAuth)
		return
	}
	if o.setname {
		s.setName(o.clientname)
	}
	if o.proto != 0 {
		s.proto = o.proto
		c.Out.SetProtocol(o.proto)
	}
	out := c.Out
	out.Map(7)
	out.BulkString("server")
	out.BulkString("redis")
	out.BulkString("version")
	out.BulkString(redisVersion)
	out.BulkString("proto")
	out.Int(int64(s.proto))
	out.BulkString("id")
	out.Int(int64(s.id))
	out.BulkString("mode")
	out.BulkString("standalone")
	out.BulkString("role")
	out.BulkString("master")
	out.BulkString("modules")
	out.Array(0)
}

// parseHello reads HELLO's arguments; problem is "" or the error to answer.
func parseHello(args [][]byte) (o helloOptions, problem string) {
	if len(args) == 1 {
		return o, ""
	}
	n, ok := command.ParseInt(args[1])
	if !ok {
		return o, "ERR Protocol version is not an integer or out of range"
	}
	if n < 2 || n > 3 {
		return o, "NOPROTO unsupported protocol version"
	}
	o.proto = int(n)
	for i := 2; i < len(args); i++ {
		more := len(args) - 1 - i
		switch {
		case command.IsWord(args[i], "AUTH") && more >= 2:
			o.auth, o.user, o.password = true, string(args[i+1]), args[i+2]
			i += 2
		case command.IsWord(args[i], "SETNAME") && more >= 1:
			o.setname, o.clientname = true, string(args[i+1])
			if !printable(o.clientname) {
				return o, errClientName
			}
			i++
		default:
			text, _, _ := strings.Cut(string(args[i]), "\x00") // Redis' texts end there
			return o, "ERR Syntax error in HELLO option '" + text + "'"
		}
	}
	return o, ""
}

// helloAuths yields where AUTH stands among the options of HELLO: a user and a password
// follow. A name that is AUTH is none; one in place of the version is a version forgotten.
func helloAuths(args [][]byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 1; i < len(args); i++ {
			switch {
			case command.IsWord(args[i], "SETNAME"):
				i++
			case command.IsWord(args[i], "AUTH"):
				if !yield(i) {
					return
				}
				i += 2
			}
		}
	}
}
