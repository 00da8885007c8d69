package engine

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// connHandlers are the commands that speak of one connection, or of all.
func connHandlers() map[string]handler {
	return map[string]handler{
		"auth":            authCommand,
		"hello":           helloCommand,
		"select":          selectCommand,
		"quit":            quitCommand,
		"reset":           resetCommand,
		"client|getname":  clientGetname,
		"client|help":     helpOfContainer,
		"client|id":       clientID,
		"client|info":     clientInfo,
		"client|kill":     clientKill,
		"client|list":     clientList,
		"client|no-evict": clientNoEvict,
		"client|no-touch": clientNoTouch,
		"client|pause":    clientPause,
		"client|reply":    clientReply,
		"client|setinfo":  clientSetinfo,
		"client|setname":  clientSetname,
		"client|unblock":  clientUnblock,
		"client|unpause":  clientUnpause,
	}
}

// Refusals of new connections, in the form of error replies.
var (
	errMaxClients = errors.New("ERR max number of clients reached")
	errProtected  = errors.New("DENIED Altilium is in protected mode: it has no password, so it takes clients of this machine only. " +
		"To connect from elsewhere, either set one (--requirepass, or CONFIG SET requirepass from this machine), " +
		"or, where everybody who can reach this port may do everything, CONFIG SET protected-mode no.")
)

// admit decides whether a new connection may stay: its error is what the
// client is told. As in Redis since 7.0, an address that was bound on purpose
// does not lift the protection.
func (e *Engine) admit(p resp.Peer) error {
	switch {
	case len(e.sessions) >= e.cfg.maxClients():
		return errMaxClients
	case e.cfg.protectedMode() && e.cfg.password() == "" && !isLocal(p.RemoteAddr()):
		return errProtected
	}
	return nil
}

// isLocal reports whether an address is one of this machine that no packet
// from elsewhere can have: loopback, or a unix socket, whose clients have no
// address or a path.
func isLocal(addr string) bool {
	if addr == "" || addr[0] == '@' || addr[0] == '/' {
		return true
	}
	ap, err := netip.ParseAddrPort(addr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

const (
	errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	errNoPass    = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
)

// passwordOK compares in a time that tells nothing of the password, not even
// its length.
func passwordOK(given []byte, want string) bool {
	a, b := sha256.Sum256(given), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// authenticate checks a user's password. A user without one, as the default
// user is while requirepass is empty, takes any.
func (e *Engine) authenticate(s *Session, user string, password []byte) bool {
	want := e.cfg.password()
	ok := passwordOK(password, want) || want == ""
	if user != defaultUser || !ok {
		return false
	}
	s.authed, s.user = true, defaultUser
	return true
}

// authCommand is AUTH [username] password.
func authCommand(e *Engine, s *Session, c *command.Call) {
	user, password := defaultUser, c.Args[len(c.Args)-1]
	switch {
	case len(c.Args) > 3:
		c.Out.Error(command.TextSyntax)
		return
	case len(c.Args) == 3:
		user = string(c.Args[1])
	case e.cfg.password() == "":
		c.Out.Error(errNoPass)
		return
	}
	if !e.authenticate(s, user, password) {
		c.Out.Error(errWrongPass)
		return
	}
	c.Out.OK()
}

// selectCommand is SELECT index.
func selectCommand(_ *Engine, s *Session, c *command.Call) {
	n, ok := command.ParseInt(c.Args[1])
	switch {
	case !ok:
		c.Out.Error(command.TextNotInteger)
	case n != int64(int32(n)):
		c.Out.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	case n < 0 || n >= state.Databases:
		c.Out.Error("ERR DB index is out of range")
	default:
		s.db = int(n)
		c.Out.OK()
	}
}

func quitCommand(_ *Engine, s *Session, c *command.Call) {
	c.Out.OK()
	s.hangup()
}

// resetCommand makes the connection what it was when it was opened, but for
// what it told of its library.
func resetCommand(e *Engine, s *Session, c *command.Call) {
	s.past = nil // first: it is about what is watched in the present too
	s.endMulti()
	e.unsubscribeAll(s)
	s.stopFollowing()
	e.unmonitor(s)
	e.untrack(s)
	if s.name != "" {
		s.name = ""
		s.renamed()
	}
	s.db, s.proto = 0, 2
	c.Out.SetProtocol(2)
	s.user, s.authed = defaultUser, e.cfg.password() == ""
	s.muting, s.noEvict, s.noTouch = replyOn, false, false
	c.Out.Simple("RESET")
}

// helpOfContainer answers the HELP of a container from its rows in the table.
func helpOfContainer(_ *Engine, _ *Session, c *command.Call) {
	parent := c.Spec.Parent
	lines := []string{strings.ToUpper(parent.Name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	for _, sub := range parent.Sub {
		lines = append(lines, strings.ToUpper(sub.Name)+syntax(sub.Args), "    "+sub.Summary)
	}
	writeLines(c.Out, lines)
}

func writeLines(out *resp.Writer, lines []string) {
	out.Array(len(lines))
	for _, l := range lines {
		out.Simple(l)
	}
}

// syntax writes arguments as manuals do: " <name> [TOKEN <name> ...]".
func syntax(args []command.Arg) string {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(" " + oneSyntax(a))
	}
	return b.String()
}

func oneSyntax(a command.Arg) string {
	var text string
	switch a.Type {
	case "pure-token":
		text = a.Token
	case "oneof", "block":
		var parts []string
		for _, sub := range a.Sub {
			parts = append(parts, oneSyntax(sub))
		}
		between := " "
		if a.Type == "oneof" {
			between = " | "
		}
		text = strings.TrimSpace(a.Token + " " + strings.Join(parts, between))
	default:
		text = strings.TrimSpace(a.Token + " <" + a.Name + ">")
	}
	flags := strings.Fields(a.Flags)
	for _, f := range flags {
		switch {
		case f != "multiple":
		case len(text) > 60:
			text += " [...]"
		default:
			text += " [" + text + " ...]"
		}
	}
	for _, f := range flags {
		if f == "optional" {
			return "[" + text + "]"
		}
	}
	return text
}
