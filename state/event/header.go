package event

import "github.com/altilium-db/altilium/state/event/pack"

// Origin is what is known of the connection that caused an entry.
type Origin struct {
	Addr   string // "127.0.0.1:52341"
	User   string // ACL user, "default"
	Name   string // CLIENT SETNAME
	Lib    string // CLIENT SETINFO LIB-NAME
	LibVer string // CLIENT SETINFO LIB-VER
}

// Header opens the body of an entry.
type Header struct {
	DB     int      // database of the events that follow
	Conn   uint64   // connection id, 0 for the server itself
	Origin *Origin  // nil but in the connection's first entry of a segment
	Name   string   // the command's name, upper case
	Argv   [][]byte // its whole argv instead of Name, where the events do not tell it
}

// Named is the connection that a body names in full, in an [Origin]; ok is false where it
// does not. It allocates nothing.
func Named(body []byte) (conn uint64, ok bool) {
	d := decoder{pack.Reader{Rest: body}}
	d.Array()
	d.Skip() // database
	if d.Bad || !d.IsArray() {
		return 0, false
	}
	d.Array()
	conn = d.Uint()
	return conn, !d.Bad
}

// AppendHeader appends the byte form of h to dst.
func AppendHeader(dst []byte, h Header) []byte {
	dst = pack.AppendArray(dst, 3)
	dst = pack.AppendUint(dst, uint64(h.DB))
	if h.Origin == nil {
		dst = pack.AppendUint(dst, h.Conn)
	} else {
		dst = pack.AppendArray(dst, 6)
		dst = pack.AppendUint(dst, h.Conn)
		for _, s := range [...]string{h.Origin.Addr, h.Origin.User, h.Origin.Name, h.Origin.Lib, h.Origin.LibVer} {
			dst = pack.AppendStr(dst, s)
		}
	}
	if h.Argv == nil {
		return pack.AppendStr(dst, h.Name)
	}
	dst = pack.AppendArray(dst, len(h.Argv))
	for _, arg := range h.Argv {
		dst = pack.AppendBin(dst, arg)
	}
	return dst
}
