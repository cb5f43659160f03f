import Console
import Glibc
import Session

@main
struct Main {
  static func main() {
    exit(Console.run(Array(CommandLine.arguments.dropFirst()), host: NoEngine()))
  }
}
