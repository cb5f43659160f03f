import CUDA
import Console
import FoundationEssentials
import Glibc
import Session
import Verbs

@main
struct Main {
  static func main() {
    let engine = Engine(makers: [openGPU])
    exit(Console.run(Array(CommandLine.arguments.dropFirst()), host: engine))
  }
}
