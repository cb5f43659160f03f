import Console
import Glibc
import Session
import Verbs

@main
struct Main {
  static func main() {
    exit(Console.run(Array(CommandLine.arguments.dropFirst()), host: Engine()))
  }
}
