// A TURN server of pion/turn v2 with one user, for turn_bench.
//
//	pion_turn ADDRESS REALM USER PASSWORD
package main

import (
	"log"
	"net"
	"os"

	"github.com/pion/turn/v2"
)

const receiveBuffer = 4 << 20 // bytes, as Sluice's listeners have

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: pion_turn ADDRESS REALM USER PASSWORD")
	}
	address, realm, user, password := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	local, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		log.Fatal(err)
	}
	socket, err := net.ListenUDP("udp4", local)
	if err != nil {
		log.Fatal(err)
	}
	if err := socket.SetReadBuffer(receiveBuffer); err != nil {
		log.Fatal(err)
	}
	key := turn.GenerateAuthKey(user, realm, password)
	_, err = turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(name, _ string, _ net.Addr) ([]byte, bool) {
			return key, name == user
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: socket,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
				RelayAddress: local.IP,
				Address:      local.IP.String(),
			},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	select {}
}
