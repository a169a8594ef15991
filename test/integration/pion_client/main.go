// pion_client SERVER USER PASSWORD REALM PEER MESSAGES: sends messages through a TURN server to a peer that echoes, and
// prints how many came back.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v2"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	server, user, password, realm := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	peer, err := net.ResolveUDPAddr("udp4", os.Args[5])
	check(err)
	messages, err := strconv.Atoi(os.Args[6])
	check(err)
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server, TURNServerAddr: server, Conn: socket,
		Username: user, Password: password, Realm: realm, LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	check(err)
	defer client.Close()
	check(client.Listen())
	_, err = client.SendBindingRequest()
	check(err)
	relay, err := client.Allocate()
	check(err)
	defer relay.Close()
	received, buffer := 0, make([]byte, 1500)
	for i := 0; i < messages; i++ {
		sent := fmt.Sprintf("message %d", i)
		_, err = relay.WriteTo([]byte(sent), peer)
		check(err)
		check(relay.SetReadDeadline(time.Now().Add(5 * time.Second)))
		n, from, err := relay.ReadFrom(buffer)
		check(err)
		if string(buffer[:n]) == sent && from.String() == peer.String() {
			received++
		}
	}
	fmt.Println(received)
}
