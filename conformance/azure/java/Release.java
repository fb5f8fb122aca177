// SPDX-License-Identifier: Apache-2.0

import com.azure.core.exception.HttpResponseException;
import com.azure.core.util.BinaryData;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.json.JsonProviders;
import com.azure.json.JsonReader;
import com.azure.security.keyvault.keys.KeyClient;
import com.azure.security.keyvault.keys.KeyClientBuilder;
import com.azure.security.keyvault.keys.models.CreateEcKeyOptions;
import com.azure.security.keyvault.keys.models.CreateRsaKeyOptions;
import com.azure.security.keyvault.keys.models.KeyExportEncryptionAlgorithm;
import com.azure.security.keyvault.keys.models.KeyReleasePolicy;
import com.azure.security.keyvault.keys.models.KeyVaultKey;
import com.azure.security.keyvault.keys.models.ReleaseKeyOptions;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPrivateKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Secure key release through the Azure SDK for Java: keys go out to an environment that the authority at
 * AZURE_KEYVAULT_ATTESTATION_URL attests to; Java's own cryptography checks what the module says, and opens them.
 */
public class Release {
  static final String AUTHORITY = System.getenv("AZURE_KEYVAULT_ATTESTATION_URL");
  static KeyPair own;
  static HttpClient web;

  public static void main(String[] args) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    own = generator.generateKeyPair();
    web = HttpClient.newBuilder().sslContext(trusting()).build();
    KeyClient vault = new KeyClientBuilder().vaultUrl(System.getenv("AZURE_KEYVAULT_URL")).credential(new DefaultAzureCredentialBuilder().build()).buildClient();

    String policy = "{\"version\":\"1.0.0\",\"anyOf\":[{\"authority\":\"" + AUTHORITY + "\",\"allOf\":[{\"claim\":\"sdk-test\",\"equals\":\"true\"}]}]}";
    KeyVaultKey made = vault.createEcKey(new CreateEcKeyOptions("java-released").setHardwareProtected(true).setExportable(true).setReleasePolicy(new KeyReleasePolicy(BinaryData.fromString(policy))));
    check(made.getProperties().isExportable() && made.getProperties().getReleasePolicy().getEncodedPolicy().toString().equals(policy), "another policy came back");
    String token = attest("");
    for (var algorithm : List.of(KeyExportEncryptionAlgorithm.CKM_RSA_AES_KEY_WRAP, KeyExportEncryptionAlgorithm.RSA_AES_KEY_WRAP_256, KeyExportEncryptionAlgorithm.RSA_AES_KEY_WRAP_384)) {
      String jws = vault.releaseKeyWithResponse("java-released", null, token, new ReleaseKeyOptions().setAlgorithm(algorithm).setNonce("java-nonce"), null).getValue().getValue();
      Map<String, Object> claims = said(jws);
      check(at(claims, "request.nonce").equals("java-nonce") && at(claims, "response.key.key.kid").equals(made.getId()), "another request was answered");
      PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(opened(claims)));
      Signature signing = Signature.getInstance("SHA256withECDSA");
      signing.initSign(key);
      signing.update(new byte[] {1});
      Signature verifying = Signature.getInstance("SHA256withECDSA");
      verifying.initVerify(made.getKey().toEc().getPublic());
      verifying.update(new byte[] {1});
      check(verifying.verify(signing.sign()), "another key was released");
    }
    KeyVaultKey rsa = vault.createRsaKey(new CreateRsaKeyOptions("java-released-rsa").setHardwareProtected(true).setExportable(true).setReleasePolicy(new KeyReleasePolicy(BinaryData.fromString(policy))));
    var out = vault.releaseKey("java-released-rsa", rsa.getProperties().getVersion(), token);
    var key = (RSAPrivateKey) KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(opened(said(out.getValue()))));
    check(key.getModulus().equals(new BigInteger(1, rsa.getKey().getN())), "another RSA key was released");

    refused(403, () -> vault.releaseKey("java-released", attest("sdk-test=false")));
    refused(403, () -> vault.releaseKey("java-released", token.substring(0, token.length() - 8) + "AAAAAAAA"));
    refused(400, () -> vault.releaseKey("java-released", "no token"));
    vault.createEcKey(new CreateEcKeyOptions("java-kept"));
    refused(403, () -> vault.releaseKey("java-kept", token));
    System.out.println("scenario: release");
  }

  interface Act {
    void run() throws Exception;
  }

  static void refused(int status, Act act) throws Exception {
    try {
      act.run();
    } catch (HttpResponseException e) {
      check(e.getResponse().getStatusCode() == status, "refused with " + e.getResponse().getStatusCode());
      return;
    }
    check(false, "not refused");
  }

  static SSLContext trusting() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    store.setCertificateEntry("authority", certificate(Files.readAllBytes(Path.of(System.getenv("AUTHORITY_CA")))));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  static String attest(String more) throws Exception {
    RSAPublicKey k = (RSAPublicKey) own.getPublic();
    byte[] n = k.getModulus().toByteArray();
    String body = "{\"kty\":\"RSA\",\"kid\":\"environment\",\"key_ops\":[\"encrypt\"],\"n\":\"" + Base64.getUrlEncoder().withoutPadding().encodeToString(Arrays.copyOfRange(n, n.length - 256, n.length))
        + "\",\"e\":\"AQAB\"}";
    var res = web.send(HttpRequest.newBuilder(URI.create(AUTHORITY + "/attest?" + more)).POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
    return (String) parse(res.body()).get("token");
  }

  /** The claims of what the module signed, checked with the domain's CA. */
  static Map<String, Object> said(String jws) throws Exception {
    String[] parts = jws.split("\\.");
    Map<String, Object> header = parse(text(parts[0]));
    check("RS256".equals(header.get("alg")), "another algorithm");
    X509Certificate leaf = certificate(Base64.getDecoder().decode((String) ((List<?>) header.get("x5c")).get(0)));
    leaf.verify(certificate(Files.readAllBytes(Path.of(System.getenv("GENBU_DOMAIN_CA")))).getPublicKey());
    leaf.checkValidity();
    check(leaf.getSubjectAlternativeNames().size() == 1 && leaf.getSubjectAlternativeNames().toString().endsWith("/statements]]"), "another certificate");
    Signature verifying = Signature.getInstance("SHA256withRSA");
    verifying.initVerify(leaf.getPublicKey());
    verifying.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
    check(verifying.verify(Base64.getUrlDecoder().decode(parts[2])), "the signature is not valid");
    return parse(text(parts[1]));
  }

  static byte[] opened(Map<String, Object> claims) throws Exception {
    String hash = switch ((String) at(claims, "request.enc")) {
      case "RSA_AES_KEY_WRAP_256" -> "SHA-256";
      case "RSA_AES_KEY_WRAP_384" -> "SHA-384";
      default -> "SHA-1";
    };
    byte[] wrapped = Base64.getUrlDecoder().decode((String) parse(text((String) at(claims, "response.key.key.key_hsm"))).get("ciphertext"));
    Cipher oaep = Cipher.getInstance("RSA/ECB/OAEPPadding");
    oaep.init(Cipher.DECRYPT_MODE, own.getPrivate(), new OAEPParameterSpec(hash, "MGF1", new MGF1ParameterSpec(hash), PSource.PSpecified.DEFAULT));
    byte[] kek = oaep.doFinal(wrapped, 0, 256);
    Cipher kwp = Cipher.getInstance("AES/KWP/NoPadding");
    kwp.init(Cipher.UNWRAP_MODE, new SecretKeySpec(kek, "AES"));
    return kwp.unwrap(Arrays.copyOfRange(wrapped, 256, wrapped.length), "RAW", Cipher.SECRET_KEY).getEncoded();
  }

  static String text(String b64) {
    return new String(Base64.getUrlDecoder().decode(b64), StandardCharsets.UTF_8);
  }

  static Map<String, Object> parse(String json) throws Exception {
    try (JsonReader r = JsonProviders.createReader(json)) {
      return r.readMap(JsonReader::readUntyped);
    }
  }

  static Object at(Object v, String path) {
    for (String name : path.split("\\.")) v = ((Map<?, ?>) v).get(name);
    return v;
  }

  static X509Certificate certificate(byte[] b) throws Exception {
    return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(b));
  }

  static void check(boolean ok, String what) {
    if (!ok) throw new AssertionError(what);
  }
}
