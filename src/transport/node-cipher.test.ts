import { cipherConformance } from "../stack/crypt/cipher.conformance.ts";
import { nodeCipher } from "./node-cipher.ts";

cipherConformance("node", nodeCipher);
